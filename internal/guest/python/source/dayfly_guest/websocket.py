# SPDX-License-Identifier: Apache-2.0
"""WebSockets (RFC 6455) of the asgi dialect, on a stream that status 101 made a pipe.

    client's bytes ─▶ Parser ─▶ messages ─▶ receive()      a ping is answered at once
    send() ─▶ frames ─▶ client                             one is sent when all is silent
"""
import asyncio
from base64 import b64decode, b64encode
from collections import deque
from hashlib import sha1

from .calls import Cancelled
from .failure import Failure

MESSAGE_MAX = 16 << 20  # of one message, as the usual servers have it
WAITING_MAX = 32  # messages that wait for receive(); then the client is not read
PING_EVERY = 20.0  # seconds of silence after which the client is asked whether it is there
CLOSE_WAIT = 2.0  # seconds for the client's goodbye
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUE, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_CLOSED_BY_NONE, _LOST = 1005, 1006  # never on the wire


class Broken(Exception):
    """The client broke the protocol, or a limit; code says how."""

    def __init__(self, code, reason):
        Exception.__init__(self, reason)
        self.code = code


def unmask(mask, data):
    """Take a client's mask off."""
    size = len(data)
    key = (bytes(mask) * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(
        size, "little")


def build(opcode, payload):
    """One frame, as servers send it."""
    size = len(payload)
    first = bytes((0x80 | opcode,))
    if size < 126:
        return first + bytes((size,)) + payload
    if size < 65536:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


class Parser:
    """Turns a client's bytes into (opcode, payload): whole messages and control frames."""

    def __init__(self, message_max=MESSAGE_MAX):
        self._max = message_max
        self._buffer = bytearray()
        self._parts = []  # of a message in fragments
        self._opcode = None  # of that message
        self._size = 0

    def feed(self, data):
        """Take bytes; give what they complete. Raises Broken."""
        self._buffer += data
        while True:
            found = self._frame()
            if found is None:
                return
            done = self._take(*found)
            if done is not None:
                yield done

    def _frame(self):
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        opcode, size, at = first & 15, second & 127, 2
        if first & 0x70:
            raise Broken(1002, "reserved bits are set")
        if opcode not in (_CONTINUE, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            raise Broken(1002, "opcode %d is not known" % opcode)
        if not second & 0x80:
            raise Broken(1002, "a frame is not masked")
        if opcode >= _CLOSE and (size > 125 or not first & 0x80):
            raise Broken(1002, "a control frame is too long or in fragments")
        if size > 125:
            width = 2 if size == 126 else 8
            if len(buffer) < 2 + width:
                return None
            size, at = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
            if size >> 63 or size < (126 if width == 2 else 65536):
                raise Broken(1002, "a length is not written as short as it can be")
        if opcode < _CLOSE and size + self._size > self._max:
            raise Broken(1009, "a message is larger than %d bytes" % self._max)
        if len(buffer) < at + 4 + size:
            return None
        payload = unmask(buffer[at : at + 4], buffer[at + 4 : at + 4 + size])
        del buffer[: at + 4 + size]
        return first & 0x80, opcode, payload

    def _take(self, final, opcode, payload):
        if opcode >= _CLOSE:
            return opcode, payload
        if opcode == _CONTINUE:
            if self._opcode is None:
                raise Broken(1002, "a continuation continues nothing")
        elif self._opcode is not None:
            raise Broken(1002, "a message begins within another")
        else:
            self._opcode = opcode
        if payload or final:
            self._parts.append(payload)
        self._size += len(payload)
        if not final:
            return None
        opcode, payload = self._opcode, b"".join(self._parts)
        self._opcode, self._parts, self._size = None, [], 0
        return opcode, payload


def closing(payload):
    """Code and reason of a close frame."""
    if not payload:
        return _CLOSED_BY_NONE, ""
    code = int.from_bytes(payload[:2], "big")
    known = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
    if len(payload) == 1 or not known:
        raise Broken(1002, "a close code is not valid")
    try:
        return code, payload[2:].decode("utf-8")
    except UnicodeDecodeError:
        raise Broken(1007, "a close reason is no UTF-8") from None


def refusal(head):
    """The answer to a request that asks for one wrongly: status and headers, or None."""
    fields = {name: value for name, value in head.get("headers", ())}
    if fields.get("sec-websocket-version", "").strip() != "13":
        return 426, [["sec-websocket-version", "13"]]
    try:
        key = b64decode(fields.get("sec-websocket-key", ""), validate=True)
    except ValueError:
        key = b""
    if len(key) != 16 or head.get("method") != "GET" or head.get("length"):
        return 400, []
    return None


def complete(scope, head):
    """Make the scope of an HTTP request one of a WebSocket."""
    names = [value for name, value in head.get("headers", ())
             if name == "sec-websocket-protocol"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = [n.strip() for n in ",".join(names).split(",") if n.strip()]
    scope["extensions"]["websocket.http.response"] = {}
    del scope["method"]


class Socket:
    """receive and send of one WebSocket."""

    def __init__(self, call):
        self._call = call
        self._parser = Parser()
        self._events = deque([{"type": "websocket.connect"}])
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task = None
        self._heard = False  # since the last ping
        self._said_close = False
        self._gone = False
        self._left = asyncio.Event()  # the client closed, or is gone
        self._denial = None
        self.state = "connecting"

    async def receive(self):
        """ASGI's receive."""
        while not self._events:
            self._changed.clear()
            await self._changed.wait()
        event = self._events[0]
        if event["type"] != "websocket.disconnect":  # which is told as often as asked
            self._events.popleft()
            self._room.set()
        return event

    async def send(self, message):
        """ASGI's send."""
        kind = message["type"]
        if kind == "websocket.accept" and self.state == "connecting":
            await self._accept(message)
        elif kind == "websocket.send" and self.state == "open":
            await self._message(message)
        elif kind == "websocket.close" and self.state in ("connecting", "open"):
            await self._close(message)
        elif kind == "websocket.http.response.start" and self.state == "connecting":
            self.state = "denying"
            self._denial = message
        elif kind == "websocket.http.response.body" and self.state == "denying":
            await self._deny(message)
        elif self._gone and kind in ("websocket.send", "websocket.close"):
            return  # the client left: nobody is there to be told
        else:
            raise RuntimeError("message type %r cannot be sent while the WebSocket is %s"
                               % (kind, self.state))

    async def _accept(self, message):
        from .asgi import header

        call = self._call
        await call.until(lambda call: call.ended)  # the request's own end
        if call.cancelled:
            self._lost()
            return
        call.ended = False
        fields = dict(call.head.get("headers", ()))
        key = fields["sec-websocket-key"].strip().encode("ascii")
        headers = [["sec-websocket-accept", b64encode(sha1(key + _GUID).digest()).decode()]]
        if message.get("subprotocol"):
            headers.append(["sec-websocket-protocol", message["subprotocol"]])
        headers += [header(pair) for pair in message.get("headers") or ()]
        call.start(101, headers)
        self.state = "open"
        self._task = asyncio.ensure_future(self._read())

    async def _message(self, message):
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise ValueError("websocket.send has one of text and bytes")
        if data is None:
            await self._frame(_TEXT, text.encode("utf-8"))
        else:
            await self._frame(_BINARY, bytes(data))

    async def _frame(self, opcode, payload):
        async with self._writing:
            if not self._said_close and not self._gone:
                self._said_close = opcode == _CLOSE
                await self._call.send_body(build(opcode, payload))

    async def _close(self, message):
        call = self._call
        if self.state == "connecting":
            self.state = "closed"
            call.answer(call.head_json(403, [["content-type", "text/plain; charset=utf-8"]]),
                        b"")
            self._lost()
            return
        self.state = "closed"
        reason = (message.get("reason") or "").encode("utf-8")[:123].decode("utf-8", "ignore")
        await self._frame(_CLOSE, int(message.get("code") or 1000).to_bytes(2, "big")
                          + reason.encode("utf-8"))

    async def _deny(self, message):
        from .asgi import header

        call, start = self._call, self._denial
        if not call.started:
            call.start(int(start["status"]), [header(h) for h in start.get("headers") or ()])
        await call.send_body(bytes(message.get("body", b"")))
        if not message.get("more_body"):
            self.state = "closed"
            call.finish()
            self._lost()

    def _put(self, event):
        self._events.append(event)
        self._changed.set()

    def _lost(self, code=_LOST, reason=""):
        """The client is gone: tell the application once."""
        if not self._gone:
            self._gone = True
            self._left.set()
            self._put({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def _read(self):
        """Take in what the client sends, until it ends."""
        ping = asyncio.ensure_future(self._keep())
        try:
            await self._frames()
        except Broken as exc:
            await self._frame(_CLOSE, exc.code.to_bytes(2, "big") + str(exc).encode()[:123])
            self.state = "closed"
            self._lost(exc.code, str(exc))
        finally:
            ping.cancel()
            self._lost()

    async def _frames(self):
        call = self._call
        while not self._gone:
            await call.until(lambda call: call.pieces or call.ended)
            if call.cancelled or not call.pieces:
                return
            piece = call.pieces.popleft()
            self._heard = True
            for opcode, payload in self._parser.feed(piece):
                await self._take(opcode, payload)
                if self._gone:
                    return
            call.consume(len(piece))

    async def _take(self, opcode, payload):
        if opcode == _PING:
            await self._frame(_PONG, payload)
        elif opcode == _CLOSE:
            code, reason = closing(payload)
            await self._frame(_CLOSE, payload[:2])
            self.state = "closed"
            self._lost(code, reason)
        elif opcode != _PONG:
            while len(self._events) >= WAITING_MAX and self.state == "open":
                self._room.clear()
                await self._room.wait()
            event = {"type": "websocket.receive", "bytes": payload}
            if opcode == _TEXT:
                try:
                    event = {"type": "websocket.receive", "text": payload.decode("utf-8")}
                except UnicodeDecodeError:
                    raise Broken(1007, "a text is no UTF-8") from None
            self._put(event)

    async def _keep(self):
        """Ask a silent client whether it is there; without an answer it is gone."""
        asked = False
        while True:
            self._heard = False
            await asyncio.sleep(PING_EVERY)
            if self._heard:
                asked = False
            elif asked:
                self._lost(1011, "keepalive ping timeout")
                self._call.cancelled = True
                self._call.wake()
                return
            else:
                asked = True
                await self._frame(_PING, b"")

    async def finish(self, exc):
        """The application returned, or raised: part from the client."""
        call = self._call
        if self.state == "connecting":
            if exc is not None and not call.done:
                raise exc
            call.answer(call.head_json(500, [["content-type", "text/plain; charset=utf-8"]]),
                        b"Internal Server Error")
            return
        if self.state == "open":
            self.state = "closed"
            code = 1000 if exc is None else 1011
            await self._frame(_CLOSE, code.to_bytes(2, "big"))
        self._room.set()
        try:
            if not call.done and self._task is not None:
                await asyncio.wait_for(self._left.wait(), CLOSE_WAIT)
        except asyncio.TimeoutError:
            pass
        if self._task is not None:
            self._task.cancel()
        if exc is not None and not call.done:
            failure = Failure(exc, call.request_id)
            call.server.logs.write(2, failure.log())
            call.fail(failure.frame())


async def serve(app, call, scope):
    """Let an application serve one WebSocket."""
    refused = refusal(call.head)
    if refused is not None:
        call.answer(call.head_json(*refused), b"")
        return
    complete(scope, call.head)
    socket = Socket(call)
    try:
        await app(scope, socket.receive, socket.send)
    except (SystemExit, Cancelled):
        raise
    except BaseException as exc:
        if socket._gone and isinstance(exc, OSError):
            exc = None  # a send to a client that left
        await socket.finish(exc)
    else:
        await socket.finish(None)
