# SPDX-License-Identifier: Apache-2.0
import json


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    header = {name.decode(): value.decode() for name, value in scope["headers"]}
    print("got", scope["method"], scope["path"], header.get("ce-type"), header.get("content-type"), body.decode())
    answer = b""
    if header.get("content-type", "").startswith("application/cloudevents-batch+json"):
        failed = [{"itemIdentifier": e["id"]} for e in json.loads(body) if "bad" in e["data"]]
        answer = json.dumps({"batchItemFailures": failed}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})
