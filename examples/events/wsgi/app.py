# SPDX-License-Identifier: Apache-2.0
import json


def app(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size).decode()
    print("got", environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_CE_TYPE"), environ.get("CONTENT_TYPE"), body)
    if environ.get("CONTENT_TYPE", "").startswith("application/cloudevents-batch+json"):
        failed = [{"itemIdentifier": e["id"]} for e in json.loads(body) if "bad" in e["data"]]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"batchItemFailures": failed}).encode()]
    start_response("204 No Content", [])
    return []
