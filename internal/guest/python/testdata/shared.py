# SPDX-License-Identifier: Apache-2.0
"""Shows events, and returns what it is told to, for the cases that all guests share."""
import json


def shows(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}


def returns(event, context):
    return json.loads(event["body"])["result"]


def shows_args(args):
    return {"headers": {"content-type": "application/json"}, "body": args}


def returns_arg(args):
    return args["result"]
