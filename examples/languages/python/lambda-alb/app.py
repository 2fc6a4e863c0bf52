# SPDX-License-Identifier: Apache-2.0
"""A handler behind a load balancer."""


def handler(event, context):
    assert "elb" in event["requestContext"]
    return {
        "statusCode": 200,
        "statusDescription": "200 OK",
        "headers": {"Content-Type": "text/plain"},
        "body": "%s %r" % (event["path"], event["queryStringParameters"].get("a")),
        "isBase64Encoded": False,
    }
