# SPDX-License-Identifier: Apache-2.0
import json
import logging
from decimal import Decimal

logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    if event["rawPath"] == "/raise":
        raise ValueError("boom")
    if event["rawPath"] == "/decimal":
        return {"price": Decimal("1.10"), "name": "é"}
    logging.info("called with %s", context.aws_request_id)
    name = event.get("queryStringParameters", {}).get("name", "stranger")
    return {
        "statusCode": 200,
        "cookies": ["a=1", "b=2"],
        "body": json.dumps({"hello": name, "memory": context.memory_limit_in_mb}),
    }
