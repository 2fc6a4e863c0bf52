# SPDX-License-Identifier: Apache-2.0
import json


def lambda_handler(event, context):
    print("got", json.dumps(event))
    if event and "Records" in event and "messageId" in event["Records"][0]:
        batch_item_failures = []
        sqs_batch_response = {}
        for record in event["Records"]:
            try:
                process(record)
            except Exception:
                batch_item_failures.append({"itemIdentifier": record["messageId"]})
        sqs_batch_response["batchItemFailures"] = batch_item_failures
        return sqs_batch_response


def process(record):
    if json.loads(record["body"]).get("bad"):
        raise ValueError("a bad message")
