# SPDX-License-Identifier: Apache-2.0
"""The asgi dialect: await app(scope, receive, send), ASGI 3 and 2: HTTP, lifespan and
WebSockets.

Calls are tasks on one asyncio loop, which also watches the socket.
"""
import asyncio
import signal
import threading
from urllib.parse import unquote

from .calls import Call, decode, running
from .failure import Failure, Fault, leave, report
from .load import is_async, parameters
from .wire import BODY, BODY_MAX, CANCEL, DONTWAIT, HEAD, REQUEST

STOP_MS = 2000  # milliseconds for a lifespan's shutdown: all that the host gives
_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/2.0": "2", "HTTP/3.0": "3"}
_ROOTED = frozenset(("starlette", "fastapi", "django", "quart", "litestar", "asgiref", "channels"))
_EVENT_HEADERS = [["content-type", "application/json"]]
_DROPPED = (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer",
            b"proxy-connection")


class AsyncCall(Call):
    """A call served by a task; whoever has to wait awaits."""

    __slots__ = ()

    def feed(self, kind, payload):
        Call.feed(self, kind, payload)
        self.wake()

    def wake(self):
        """Let the tasks that wait for this call look again."""
        waiters, self.waiter = self.waiter, None
        for future in waiters or ():
            if not future.done():
                future.set_result(None)

    async def until(self, ready):
        """Return once ready(self) holds."""
        while not ready(self):
            future = asyncio.get_running_loop().create_future()
            if self.waiter is None:
                self.waiter = []
            self.waiter.append(future)
            await future

    async def send_body(self, data):
        """Send bytes of the body, waiting for the window."""
        view = memoryview(data)
        while view and not self.cancelled:
            if self.credit <= 0:
                await self.until(_writable)
                continue
            part = min(len(view), BODY_MAX, self.credit)
            self.credit -= part
            self.wire.send(HEAD.pack(part << 8 | BODY, self.stream) + view[:part].tobytes())
            view = view[part:]


def _writable(call):
    return call.credit > 0 or call.cancelled


def _readable(call):
    return call.pieces or call.ended


class Loop:
    """The server of the asgi dialect."""

    concurrent = True

    def __init__(self, wire, logs):
        self.wire = wire
        self.logs = logs
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self._calls = {}
        self._tasks = set()
        self._serve = self._end = None

    @property
    def current(self):
        return running.get()

    def run(self, app):
        """Serve calls until the connection closes. What has been received already
        is in the wire's buffer, so that is looked at first."""
        self._serve, self._end = app.handle, app.terminate
        self.wire.reader = threading.get_ident()
        self.wire.read_ahead = lambda: self.loop.call_soon(self._receive)
        self.loop.add_reader(self.wire.fileno(), self._receive)
        self.loop.call_soon(self._receive)
        try:
            self.loop.run_forever()
        except SystemExit as exc:
            leave(exc, self.logs)

    def _receive(self):
        wire = self.wire
        frame = wire.receive(DONTWAIT)
        while frame:
            kind, stream, payload = frame
            if kind == REQUEST:
                call = AsyncCall(self, stream, decode(str(payload, "utf-8")))
                self._calls[stream] = call
                task = self.loop.create_task(self._run(call))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                call = self._calls.get(stream)
                if call is not None:
                    call.feed(kind, payload)
                elif kind == CANCEL and not stream:
                    self._end()  # the instance is about to be ended
            frame = wire.receive(DONTWAIT) if wire.pending() else None

    async def _run(self, call):
        running.set(call)
        try:
            await self._serve(call)
        except BaseException as exc:
            report(call, exc)
        finally:
            call.finish()
            call.wake()
            self._calls.pop(call.stream, None)


class ASGI:
    """Serves calls with one application."""

    def __init__(self, app, logs):
        self._app = _single(app)
        self._rooted = is_rooted(app)
        self._logs = logs
        self._state = {}
        self._lifespan = None  # kept referenced for as long as the instance lives
        self._last = None  # the task of the shutdown
        self._events = None  # what the lifespan receives; None when there is no lifespan

    def start(self, loop):
        """Run the lifespan's startup; raise Fault when the application reports failure."""
        loop.run_until_complete(self._startup())
        loop.add_signal_handler(signal.SIGTERM, self.terminate)

    @property
    def lives(self):
        """Whether the application has a lifespan, whose end it wants to be told."""
        return self._events is not None

    def terminate(self):
        """Run the shutdown, and end the process."""
        self._last = asyncio.ensure_future(self._stop())
        self._last.add_done_callback(lambda _: leave(SystemExit(0), self._logs))

    async def _startup(self):
        started = asyncio.get_running_loop().create_future()
        events = asyncio.Queue()
        events.put_nowait({"type": "lifespan.startup"})

        async def send(message):
            if message["type"] == "lifespan.startup.complete" and not started.done():
                started.set_result(None)
            elif message["type"] == "lifespan.startup.failed" and not started.done():
                started.set_result(message.get("message") or "the lifespan's startup failed")

        scope = {"type": "lifespan", "asgi": _versions("2.0"), "state": self._state}
        task = asyncio.ensure_future(self._app(scope, events.get, send))
        self._lifespan = task
        await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            # It ended without an answer: an application that knows no lifespan.
            if not task.cancelled():
                exc = task.exception()
                if isinstance(exc, SystemExit):
                    raise exc
            return
        if started.result() is not None:
            if task.done() and not task.cancelled():
                task.exception()
            raise Fault("init", "Runtime.LifespanFailed", started.result())
        self._events = events

    async def _stop(self):
        """Run the lifespan's shutdown, and wait for it within bounds."""
        if self._events is not None and not self._lifespan.done():
            self._events.put_nowait({"type": "lifespan.shutdown"})
            await asyncio.wait([self._lifespan], timeout=STOP_MS / 1000)

    def _log(self, failure):
        self._logs.write(2, failure.log())

    async def handle(self, call):
        """Run the application for one call."""
        scope = _scope(call, self._rooted)
        scope["state"] = dict(self._state)
        if _wants_socket(call.head):
            from . import websocket

            await websocket.serve(self._app, call, scope)
            return
        exchange = Exchange(call)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException as exc:
            if not exchange.complete or isinstance(exc, SystemExit):
                raise
            # Frameworks answer 500 first and raise then: the answer stands.
            failure = Failure(exc, call.request_id)
            self._log(failure)
            call.failure = failure.as_dict()
        exchange.close()
        if call.done or call.cancelled or exchange.complete:
            return
        if exchange.status is None:
            raise Fault("bad_response", "Runtime.MalformedResponse",
                        "the application returned without a response")
        if not exchange.complete:
            raise Fault("bad_response", "Runtime.MalformedResponse",
                        "the application returned before its response was complete")


def _wants_socket(head):
    return any(name == "upgrade" and value.lower() == "websocket"
               for name, value in head.get("headers", ()))


def _versions(spec):
    return {"version": "3.0", "spec_version": spec}


def _single(app):
    """Make an ASGI 2 application, called in two steps, one of ASGI 3."""
    if not is_double(app):
        return app

    async def single(scope, receive, send):
        await app(scope)(receive, send)

    return single


def is_double(app):
    """Whether app(scope) gives a second callable, as in ASGI 2."""
    if getattr(app, "_asgi_single_callable", False):
        return False
    if getattr(app, "_asgi_double_callable", False):
        return True
    if isinstance(app, type):
        return True
    return not is_async(app) and len(parameters(app)) == 1


def is_rooted(app):
    """Whether an application knows of root paths, as these frameworks do. Others are
    to believe that they are at the root, as they would be elsewhere."""
    return any(cls.__module__.partition(".")[0] in _ROOTED for cls in type(app).__mro__)


def _scope(call, rooted):
    head = call.head
    if head.get("kind") == "event":
        head = {"method": "POST", "path": "/", "headers": _EVENT_HEADERS}
    prefix = head.get("prefix", "") if rooted else ""
    path = head.get("path", "/")
    scheme = head.get("scheme", "http")
    host = head.get("host") or "localhost"
    headers = []
    hosted = False
    for name, value in head.get("headers", ()):
        hosted = hosted or name == "host"
        if name == "traceparent" and head.get("trace"):
            continue
        headers.append((name.encode("latin-1", "replace"), value.encode("utf-8", "replace")))
    if not hosted:
        headers.insert(0, (b"host", host.encode("utf-8", "replace")))
    if head.get("trace"):
        headers.append((b"traceparent", head["trace"].encode("ascii", "replace")))
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    port = int(port) if name and port.isdigit() else (443 if scheme == "https" else 80)
    return {
        "type": "http",
        "asgi": _versions("2.3"),
        "http_version": _VERSIONS.get(head.get("proto"), "1.1"),
        "method": head["method"].upper(),
        "scheme": scheme,
        # As uvicorn and hypercorn have it: the path holds the root path as well.
        "path": unquote(prefix + path),
        "raw_path": (prefix + path).encode("utf-8", "replace"),
        "query_string": head.get("query", "").encode("utf-8", "replace"),
        "root_path": unquote(prefix),
        "headers": headers,
        "client": (head.get("remote", ""), 0) if head.get("remote") else None,
        "server": (name or host, port),
        "extensions": {"dayfly": {"invocation": call.request_id,
                                  "deadline_ms": head.get("deadline_ms", 0)}},
    }


class Exchange:
    """receive and send of one request."""

    def __init__(self, call):
        self._call = call
        self._bare = call.head.get("method") == "HEAD"
        self._body_read = False
        self._headers = None
        self._flush = None
        self._whole = None  # a complete body that waits for its head to be sent
        self.status = None
        self.complete = False

    async def receive(self):
        """ASGI's receive."""
        call = self._call
        if not self._body_read:
            if not call.pieces and not call.ended and call.head.get("length") != 0:
                await call.until(_readable)
            if call.cancelled:
                return {"type": "http.disconnect"}
            piece = call.pieces.popleft() if call.pieces else b""
            if piece:
                call.consume(len(piece))
            more = bool(call.pieces) or not (call.ended or call.head.get("length") == 0)
            self._body_read = not more
            return {"type": "http.request", "body": piece, "more_body": more}
        await call.until(lambda call: call.cancelled or self.complete)
        return {"type": "http.disconnect"}

    async def send(self, message):
        """ASGI's send."""
        kind = message["type"]
        if kind == "http.response.body":
            await self._body(message)
        elif kind == "http.response.start":
            if self.status is not None:
                raise RuntimeError("http.response.start is sent a second time")
            self.status = int(message["status"])
            if not 200 <= self.status <= 599:
                raise Fault("bad_response", "Runtime.MalformedResponse",
                            "status is %d: it must be from 200 to 599" % self.status)
            self._headers = [header(h) for h in message.get("headers", ())
                             if bytes(h[0]).lower() not in _DROPPED]
            # The body and the application's return usually follow at once, and all of
            # it is sent together; if not, the caller must not wait for what is there.
            self._flush = asyncio.get_running_loop().call_soon(self._send_head)
        elif kind != "http.response.trailers":  # there are none behind a proxy
            raise RuntimeError("message type %r is not known here" % kind)

    def _send_head(self):
        call = self._call
        if call.started or call.done:
            return
        if self._whole:
            call.open(self.status, self._headers, self._whole)
            self._whole = None
        else:
            call.start(self.status, self._headers)

    def close(self):
        """The application returned: send what is left."""
        if self._flush is not None:
            self._flush.cancel()
        call = self._call
        if self.complete and not call.started and not call.cancelled:
            call.answer(call.head_json(self.status, self._headers), self._whole or b"")

    async def _body(self, message):
        call = self._call
        if self.status is None:
            raise RuntimeError("http.response.body is sent before http.response.start")
        if self.complete:
            raise RuntimeError("http.response.body is sent after the last one")
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError("body is a %s: it must be bytes" % type(body).__name__)
        if not more:
            self.complete = True
            call.wake()
        if call.cancelled:
            return
        if self._bare:
            body = b""
        if not more and not call.started and len(body) <= BODY_MAX:
            self._whole = bytes(body)
            return
        self._flush.cancel()
        self._send_head()
        if body:
            await call.send_body(body)


async def blocking(app, call):
    """Let an application answer one call of a server without tasks."""
    scope = _scope(call, is_rooted(app))
    scope["state"] = {}
    body = [call.read_all()]

    async def receive():
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            headers = [header(h) for h in message.get("headers", ())
                       if bytes(h[0]).lower() not in _DROPPED]
            call.start(int(message["status"]), headers)
        elif message["type"] == "http.response.body" and message.get("body"):
            if call.head.get("method") != "HEAD":
                call.write(bytes(message["body"]))

    await _single(app)(scope, receive, send)
    if not call.started:
        raise Fault("bad_response", "Runtime.MalformedResponse",
                    "the application returned without a response")


def header(pair):
    """A header pair of the application as text, checked."""
    name, value = bytes(pair[0]), bytes(pair[1])
    for part in (name, value):
        if b"\r" in part or b"\n" in part or b"\0" in part:
            raise ValueError("header %.100r holds a line break" % name)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return [name.decode("latin-1"), text]
