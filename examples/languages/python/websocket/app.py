# SPDX-License-Identifier: Apache-2.0
"""A room: what one says, all hear."""
room = set()


async def app(scope, receive, send):
    if scope["type"] == "http":
        body = b"%d in the room\n" % len(room)
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})
        return
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    room.add(send)
    await send({"type": "websocket.send", "text": "welcome"})
    try:
        message = await receive()
        while message["type"] == "websocket.receive":
            for member in list(room):
                await member({**message, "type": "websocket.send"})
            message = await receive()
    finally:
        room.discard(send)
