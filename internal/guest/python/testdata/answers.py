# SPDX-License-Identifier: Apache-2.0
"""Answers what it is asked to, and else shows the event."""
import json


def handler(event, context):
    if event["body"]:
        asked = json.loads(event["body"])
        if isinstance(asked, dict) and "raise" in asked:
            raise LookupError("no")
        return asked
    return {"statusCode": 200, "body": " ".join(str(event.get(name)) for name in (
        "resource", "path", "queryStringParameters", "multiValueQueryStringParameters",
        "pathParameters", "body"))}
