import time


def handler(event, context):
    began = time.perf_counter()
    query = event.get("queryStringParameters")
    if query:
        work(query)
    micros = int((time.perf_counter() - began) * 1e6)
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/plain", "x-handler-micros": str(micros)},
        "body": "ok\n",
    }


def work(query):
    time.sleep(int(query.get("sleep", 0)) / 1000)
    end = time.process_time() + int(query.get("spin", 0)) / 1000
    while time.process_time() < end:
        pass
