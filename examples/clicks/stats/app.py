# SPDX-License-Identifier: Apache-2.0
"""Tells how often a link was used: GET /CODE."""
import json
import os
import urllib.parse
import urllib.request

base = os.environ["DAYFLY_URL"]
headers = {"Authorization": "Bearer " + os.environ["DAYFLY_TOKEN"]}


def handler(event, context):
    code = urllib.parse.quote(event["rawPath"].strip("/"), safe="")
    count, after = 0, ""
    while True:
        query = urllib.parse.urlencode({"prefix": code + "/", "after": after, "limit": 1000})
        with urllib.request.urlopen(urllib.request.Request(base + "/kv/clicks?" + query, headers=headers)) as answer:
            page = json.load(answer)
        count += len(page["values"])
        after = page.get("next", "")
        if not after:
            return {"code": code, "clicks": count}
