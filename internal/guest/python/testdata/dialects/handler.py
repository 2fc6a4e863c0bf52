# SPDX-License-Identifier: Apache-2.0
"""Handlers of OpenFaaS's templates, and actions of OpenWhisk."""
import os
import sys


def handle(req):
    if req == "raise":
        raise LookupError("no")
    if req == "nothing":
        return None
    print("printed", os.environ["Http_Method"], os.environ.get("Http_Query", ""),
          os.environ.get("Http_X_A", ""))
    print("an error", file=sys.stderr)
    return req.upper()


def over_http(event, context):
    what = event.path[1:]
    if what == "raise":
        raise LookupError("no")
    return {
        "none": None, "text": "text", "pair": ("made", 201),
        "all": {"statusCode": 202, "body": {"b": event.body.decode(), "q": event.query.get("q"),
                                            "h": event.headers.get("X-A"), "m": event.method},
                "headers": {"X-B": "c"}},
        "status": {"statusCode": 204}, "typed": {"body": b"\x00", "headers": {
            "Content-type": "application/octet-stream"}},
    }[what] if context.hostname else None


def main(args):
    what = args.get("what")
    if what == "raise":
        raise LookupError("no")
    if what == "text":
        return "text"
    if what == "error":
        return {"error": "wrong"}
    if what == "fields":
        return {"error": {"statusCode": 418, "body": "short"}}
    if what == "web":
        return {"statusCode": 201, "headers": {"x-a": "b", "set-cookie": ["a=1", "b=2"]},
                "body": "made"}
    if what == "empty":
        return {"statusCode": 200}
    if what == "picture":
        return {"headers": {"content-type": "image/png"}, "body": "AAE="}
    args["__ow_headers"] = args["__ow_headers"].get("x-a")
    return args


def with_context(args, context):
    return {"id": context.activation_id, "left": context.get_remaining_time_in_millis() > 0}
