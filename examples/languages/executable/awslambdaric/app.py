# SPDX-License-Identifier: Apache-2.0
"""A handler under AWS's own runtime client, as in a container image made for Lambda."""


def handler(event, context):
    return {"statusCode": 200, "headers": {"x-request": context.aws_request_id[:1] and "known"},
            "body": "%s through AWS's client" % event["rawPath"]}
