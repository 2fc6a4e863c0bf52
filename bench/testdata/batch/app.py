def handler(event, context):
    return {"batchItemFailures": [r["messageId"] for r in event["Records"] if not r["body"]]}
