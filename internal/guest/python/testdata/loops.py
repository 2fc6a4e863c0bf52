# SPDX-License-Identifier: Apache-2.0
"""ASGI applications: each of them is one row of the tests."""
import asyncio
import contextvars
import json

log = []
met = []
variable = contextvars.ContextVar("variable", default="unset")


async def respond(send, body, status=200, headers=(), **more):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send(dict({"type": "http.response.body", "body": body}, **more))


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["made"] = "at startup"
        log.append("startup")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    path = scope["path"]
    if path == "/scope":
        shown = json.loads(json.dumps(scope, default=lambda b: b.decode("latin-1")))
        await respond(send, json.dumps(shown).encode(), headers=[(b"content-type", b"x/y")])
    elif path == "/echo":
        await send({"type": "http.response.start", "status": 200})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})
    elif path == "/large":
        await respond(send, b"z" * 1000000)
    elif path == "/pieces":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"\xe9")]})
        for piece in (b"one ", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
    elif path == "/head-first":
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"later"})
    elif path == "/raise":
        raise LookupError("no")
    elif path == "/raise-later":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        raise LookupError("half way")
    elif path == "/nothing":
        return
    elif path == "/incomplete":
        await send({"type": "http.response.start", "status": 200})
    elif path == "/status":
        await respond(send, b"", status=99)
    elif path == "/split":
        await respond(send, b"", headers=[(b"a", b"b\r\nc: d")])
    elif path == "/unknown":
        await send({"type": "http.response.push"})
    elif path == "/twice":
        await respond(send, b"once")
        await respond(send, b"twice")
    elif path == "/meet":
        variable.set(scope["query_string"].decode())
        met.append(1)
        print("before " + variable.get())
        while len(met) < 4:
            await asyncio.sleep(0.001)
        print("after " + variable.get())
        await asyncio.get_running_loop().run_in_executor(None, len, "")
        await respond(send, variable.get().encode())
    elif path == "/disconnect":
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"open", "more_body": True})
        log.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"ignored"})
    elif path == "/endless":
        await send({"type": "http.response.start", "status": 200})
        watch = asyncio.ensure_future(listen(receive))
        while not watch.done():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
    elif path == "/log":
        await respond(send, json.dumps([log, scope["state"]]).encode())
    elif path == "/task":
        async def background():
            await asyncio.sleep(0.02)
            print("from a task")
        task = asyncio.ensure_future(background())
        await task
        await respond(send, b"ok")
    elif path == "/after":
        await receive()
        await respond(send, b"answer")
        while "go on" not in log:
            await asyncio.sleep(0.001)
        print("background, " + (await receive())["type"])
    elif path == "/go-on":
        log.append("go on")
        await respond(send, b"")
    elif path == "/raise-after":
        await respond(send, b"sorry", status=500)
        raise LookupError("after the answer")
    elif path == "/raise-long-after":
        await respond(send, b"fine")
        await asyncio.sleep(0.01)
        raise LookupError("long after the answer")
    elif path == "/exit":
        raise SystemExit(5)
    else:
        await respond(send, b"ok", headers=[(b"x-path", path.encode())])


async def listen(receive):
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            log.append("listened")
            return


def double(scope):
    async def instance(receive, send):
        await respond(send, b"double " + scope["type"].encode())

    return instance


class Double:
    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        await respond(send, b"class " + self.scope["type"].encode())


class Single:
    async def __call__(self, scope, receive, send):
        await respond(send, b"object " + scope["type"].encode())


single = Single()


async def failing(scope, receive, send):
    await send({"type": "lifespan.startup.failed", "message": "the database is away"})


async def no_lifespan(scope, receive, send):
    assert scope["type"] == "http"
    await respond(send, b"no lifespan")


async def described(scope, receive, send):
    if scope["type"] == "http":
        body = (await receive())["body"]
        kind = dict(scope["headers"])[b"content-type"]
        line = scope["method"].encode() + b" " + scope["path"].encode() + b" " + kind + b" " + body
        await respond(send, line)
