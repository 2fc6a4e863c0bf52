# SPDX-License-Identifier: Apache-2.0
from .words import greeting


def handle(event, context):
    return {
        "statusCode": 200 if event.method == "GET" else 202,
        "body": {"greeting": greeting(event.query.get("name", "stranger")), "path": event.path},
        "headers": {"X-Served-By": "openfaas"},
    }
