# SPDX-License-Identifier: Apache-2.0
"""Handlers that AWS's own client and our guest must serve alike."""


def echo(event, context):
    return event


def context(event, context):
    return {"id": context.aws_request_id, "name": context.function_name, "arn": context.invoked_function_arn,
            "version": context.function_version, "memory": context.memory_limit_in_mb,
            "group": context.log_group_name, "time": context.get_remaining_time_in_millis() > 1000}


def shapes(event, context):
    return {"none": None, "text": "é☃", "list": [1, 2.5, True], "bytes": b"raw", "absent": ...}[event]


def unknown(event, context):
    return {1, 2}


class OwnError(Exception):
    pass


def raises(event, context):
    raise OwnError("boom: é")


def chained(event, context):
    try:
        return event["absent"]
    except (KeyError, TypeError) as exc:
        raise ValueError("outer") from exc
