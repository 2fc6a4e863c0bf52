# SPDX-License-Identifier: Apache-2.0
"""A handler of a REST API: payload 1.0."""


def handler(event, context):
    if event["path"] == "/wrong":
        return {"statusCode": 200, "text": "no key of API Gateway's"}
    values = (event["multiValueQueryStringParameters"] or {}).get("a", [])
    return {
        "statusCode": "201",
        "headers": {"X-One": "1"},
        "multiValueHeaders": {"X-Many": ["a", "b"]},
        "body": "%s %s %s" % (event["httpMethod"], event["resource"], "+".join(values)),
    }
