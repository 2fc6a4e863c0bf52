# SPDX-License-Identifier: Apache-2.0
"""An ASGI application whose paths are what its WebSockets do."""


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["made"] = "at startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        print("shut down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"http"})
        await send({"type": "http.response.trailers", "headers": []})
        return
    assert (await receive()) == {"type": "websocket.connect"}
    path = scope["path"]
    if path == "/refuse":
        await send({"type": "websocket.close"})
        return
    if path == "/deny":
        await send({"type": "websocket.http.response.start", "status": 401,
                    "headers": [(b"www-authenticate", b"x")]})
        await send({"type": "websocket.http.response.body", "body": b"who?"})
        return
    if path == "/raise-early":
        raise LookupError("early")
    if path == "/return-early":
        return
    chosen = (scope["subprotocols"] or [None])[-1]
    await send({"type": "websocket.accept", "subprotocol": chosen,
                "headers": [(b"x-scheme", scope["scheme"].encode())]})
    if path == "/raise":
        raise LookupError("late")
    if path == "/return":
        return
    if path == "/close":
        await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
        return
    await send({"type": "websocket.send", "text": "%s %s" % (
        scope["state"]["made"], scope["query_string"].decode())})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            print("left", message["code"], message.get("reason"))
            return
        if message.get("text") == "large":
            await send({"type": "websocket.send", "bytes": b"z" * 1000000})
        elif message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"].upper()})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
