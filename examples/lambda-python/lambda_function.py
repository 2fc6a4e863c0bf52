import json


def lambda_handler(event, context):
    if event.get("rawPath") == "/fail":
        raise ValueError("asked to fail")
    if "requestContext" not in event:  # called with an event, not by HTTP
        return {"received": event, "request": context.aws_request_id}
    return {
        "message": "hello from " + context.function_name,
        "remaining": context.get_remaining_time_in_millis() > 0,
        "query": event.get("queryStringParameters", {}),
        "cookies": event.get("cookies", []),
        "body": json.loads(event["body"]) if event.get("body") else None,
    }
