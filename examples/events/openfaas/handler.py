# SPDX-License-Identifier: Apache-2.0
import json


def handle(event, context):
    body = event.body.decode()
    print("got", event.method, event.path, event.headers.get("Ce-Type"), event.headers.get("Content-Type"), body)
    failed = []
    if event.headers.get("Content-Type", "").startswith("application/cloudevents-batch+json"):
        failed = [{"itemIdentifier": e["id"]} for e in json.loads(body) if "bad" in e["data"]]
    return {"statusCode": 200, "body": {"batchItemFailures": failed}}
