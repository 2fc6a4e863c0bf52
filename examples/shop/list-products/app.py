# SPDX-License-Identifier: Apache-2.0
"""The products, all or those of one kind. A handler as of AWS Lambda."""
import json
import pathlib

PRODUCTS = json.loads(pathlib.Path(__file__).with_name("products.json").read_text("utf-8"))


def handler(event, context):
    kind = (event.get("queryStringParameters") or {}).get("kind")
    listed = [product for product in PRODUCTS if kind in (None, product["kind"])]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(listed),
    }
