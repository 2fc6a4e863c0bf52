# SPDX-License-Identifier: Apache-2.0
"""One invocation's stream: request body in, response out, both with a window."""
import os
import threading
from collections import deque
from contextvars import ContextVar
from json import JSONDecoder, JSONEncoder

from .wire import (ALLOWANCE, BODY, BODY_MAX, CANCEL, DONTWAIT, END, ERROR, FRAME_MAX,
                   GRANT_STEP, HEAD, REQUEST, RESPONSE, WINDOW)

# The call that the running code belongs to, where several may run at once.
running = ContextVar("dayfly_call", default=None)

encode = JSONEncoder(separators=(",", ":")).encode
decode = JSONDecoder().decode
_pack = HEAD.pack
_MAX_GRANT = 0x7FFFFFFF  # a peer that grants nonsense must not make it negative


class Cancelled(ConnectionError):
    """The caller is gone: stop producing the answer."""


class HeadTooLarge(ValueError):
    """The response's status and headers do not fit a frame."""

    def __init__(self, size):
        ValueError.__init__(self, "the response's headers take %d bytes as JSON: at most %d fit"
                            % (size, FRAME_MAX))


class Call:
    """One invocation, served by one thread. This form is for the serial server:
    whoever has to wait reads the socket itself."""

    __slots__ = ("wire", "server", "stream", "head", "pieces", "ended", "cancelled", "started",
                 "done", "credit", "consumed", "partial", "request_id", "cond", "waiter",
                 "failure")

    def __init__(self, server, stream, head):
        self.server = server
        self.wire = server.wire
        self.stream = stream
        self.head = head
        self.request_id = head.get("id", "")
        self.pieces = None  # deque of body bytes that wait to be read
        self.ended = False  # the host has sent the whole body, or gave up
        self.cancelled = False
        self.started = False  # the response head is sent
        self.done = False  # end or error is sent
        self.credit = ALLOWANCE
        self.consumed = 0
        self.partial = None  # unfinished log lines, {1: bytes, 2: bytes}
        self.failure = None  # the error JSON that the response head carries
        self.waiter = None  # futures of the tasks that wait for this call

    # What the host sends.

    def feed(self, kind, payload):
        """Take in one frame of this stream."""
        if kind == BODY:
            if self.pieces is None:
                self.pieces = deque()
            if payload:
                self.pieces.append(payload)
        elif kind == END:
            self.ended = True
        elif kind == WINDOW:
            if len(payload) == 4:
                self.credit = min(self.credit + int.from_bytes(payload, "big"), _MAX_GRANT)
        elif kind == CANCEL:
            self.cancelled = self.ended = True

    def wait(self, ready):
        """Return once ready(self) holds."""
        while not ready(self):
            self.server.pump(self, ready)

    def poll(self):
        """Take in what the host has sent meanwhile, without waiting."""
        if not self.done:
            self.server.poll()

    # The request's body.

    def read(self):
        """Give the next piece of the body, b"" at its end, waiting for it; raise
        Cancelled when the caller is gone."""
        if not self.pieces:
            if self.done:
                return b""  # the next frames may belong to the next call
            if not self.ended:
                self.wait(_readable)
            if self.cancelled:
                raise Cancelled("the caller is gone")
            if not self.pieces:
                return b""
        piece = self.pieces.popleft()
        self.consume(len(piece))
        return piece

    def read_all(self):
        """Give the whole body."""
        if self.head.get("length") == 0:
            return b""
        first = self.read()
        parts = [first]
        while first:
            first = self.read()
            parts.append(first)
        return b"".join(parts) if len(parts) != 2 else parts[0]

    def consume(self, count):
        """Grant the host as much as was consumed, in steps."""
        self.consumed += count
        if self.consumed >= GRANT_STEP and not self.ended:
            grant, self.consumed = self.consumed, 0
            self.wire.frame(WINDOW, self.stream, grant.to_bytes(4, "big"))

    # The answer.

    def answer(self, head, body):
        """Send a complete response: head is its JSON, as bytes."""
        stream = self.stream
        size = len(body)
        if len(head) > FRAME_MAX:
            raise HeadTooLarge(len(head))
        self.started = True
        if size > BODY_MAX or self.partial:
            self._answer_in_parts(head, body)
            return
        self.done = True
        if size:
            self.wire.send(_pack(len(head) << 8 | RESPONSE, stream) + head
                           + _pack(size << 8 | BODY, stream) + body + _pack(END, stream))
        else:
            self.wire.send(_pack(len(head) << 8 | RESPONSE, stream) + head + _pack(END, stream))

    def _answer_in_parts(self, head, body):
        self.wire.frame(RESPONSE, self.stream, head)
        try:
            self.write(body)
        except Cancelled:
            pass
        self.finish()

    def start(self, status, headers):
        """Send the head of a response whose body follows."""
        head = self.head_json(status, headers)
        if len(head) > FRAME_MAX:
            raise HeadTooLarge(len(head))
        self.started = True
        self.wire.frame(RESPONSE, self.stream, head)

    def open(self, status, headers, data):
        """Send the head of a response and the first bytes of its body, together."""
        size = len(data)
        if not 0 < size <= BODY_MAX or self.credit < size:
            self.start(status, headers)
            self.write(data)
            return
        head = self.head_json(status, headers)
        if len(head) > FRAME_MAX:
            raise HeadTooLarge(len(head))
        self.started = True
        self.spend(size)
        self.wire.send(_pack(len(head) << 8 | RESPONSE, self.stream) + head
                       + _pack(size << 8 | BODY, self.stream) + data)

    def head_json(self, status, headers):
        """Give the response head as JSON bytes."""
        head = {"status": status, "headers": headers}
        if self.failure is not None:
            head["failure"] = self.failure
        return encode(head).encode()

    def write(self, data):
        """Send bytes of the body, waiting for the window; raise Cancelled when the
        caller is gone."""
        if self.cancelled or self.done:
            raise Cancelled("the caller is gone")
        size = len(data)
        if size <= BODY_MAX and size <= self.credit:
            if size:
                self.spend(size)
                self.wire.frame(BODY, self.stream, data)
            return
        view = memoryview(data)
        while size:
            if self.credit <= 0:
                self.wait(_writable)
            if self.cancelled:
                raise Cancelled("the caller is gone")
            part = min(size, BODY_MAX, self.credit)
            self.spend(part)
            self.wire.send(_pack(part << 8 | BODY, self.stream) + view[:part].tobytes())
            view = view[part:]
            size -= part

    def spend(self, count):
        """Take count from the credit."""
        self.credit -= count

    def finish(self):
        """Send the end of the response, once."""
        if not self.done:
            self.flush_logs()
            self.done = True
            self.wire.send(_pack(END, self.stream))

    def fail(self, error):
        """End the stream with an error frame; error is the JSON text, as bytes."""
        if not self.done:
            self.flush_logs()
            self.done = True
            self.wire.frame(ERROR, self.stream, error)

    def flush_logs(self):
        """Send the unfinished lines that the call printed."""
        if self.partial:
            self.server.logs.flush(self)


def _readable(call):
    return call.pieces or call.ended


def _writable(call):
    return call.credit > 0 or call.cancelled


class Serial:
    """Serves one call at a time on the thread that reads the socket."""

    concurrent = False

    def __init__(self, wire, logs):
        self.wire = wire
        self.logs = logs
        self.current = None
        # A function's own threads may read a body while the handler writes.
        self._pumping = threading.RLock()

    def run(self, serve):
        """Serve calls until the connection closes."""
        receive = self.wire.receive
        self.wire.reader = threading.get_ident()
        while True:
            kind, stream, payload = receive()
            if kind != REQUEST:  # the rest belongs to streams that are over
                continue
            call = Call(self, stream, decode(str(payload, "utf-8")))
            self.current = call
            serve(call)
            if call.partial:
                self.logs.flush(call)
            self.current = None
            if self.wire.gone:  # a forked child came back from the handler
                os._exit(0)

    def pump(self, call, ready):
        """Take in one frame for the current call, waiting for it."""
        with self._pumping:
            if not ready(call):
                self._take(self.wire.receive())

    def poll(self):
        """Take in the frames that are there."""
        with self._pumping:
            frame = self.wire.receive(DONTWAIT)
            while frame:
                self._take(frame)
                frame = self.wire.receive(DONTWAIT)

    def _take(self, frame):
        call = self.current
        if call is not None and frame[1] == call.stream:
            call.feed(frame[0], frame[2])


class SharedCall(Call):
    """A call that a worker thread serves while another thread reads the socket."""

    __slots__ = ()

    def __init__(self, server, stream, head):
        Call.__init__(self, server, stream, head)
        self.pieces = deque()
        self.cond = threading.Condition(threading.Lock())

    def feed(self, kind, payload):
        with self.cond:
            Call.feed(self, kind, payload)
            self.cond.notify_all()

    def wait(self, ready):
        with self.cond:
            while not ready(self):
                self.cond.wait()

    def poll(self):
        pass

    def spend(self, count):
        with self.cond:
            self.credit -= count


class Threads:
    """Serves up to limit calls at once, each on a thread of a bounded pool."""

    concurrent = True

    def __init__(self, wire, logs, limit):
        self.wire = wire
        self.logs = logs
        self._limit = limit
        self._calls = {}
        self._waiting = deque()
        self._work = threading.Semaphore(0)
        self._lock = threading.Lock()  # guards _idle, _threads
        self._idle = 0
        self._threads = 0

    @property
    def current(self):
        return running.get()

    def run(self, serve):
        """Read the socket until it closes; serve calls on the pool."""
        receive = self.wire.receive
        calls = self._calls
        while True:
            kind, stream, payload = receive()
            if kind == REQUEST:
                call = SharedCall(self, stream, decode(str(payload, "utf-8")))
                calls[stream] = call
                self._push(call, serve)
                continue
            call = calls.get(stream)
            if call is not None:
                call.feed(kind, payload)

    def _push(self, call, serve):
        self._waiting.append(call)
        with self._lock:
            grow = self._idle < len(self._waiting) and self._threads < self._limit
            if grow:
                self._threads += 1
        if grow:
            threading.Thread(target=self._worker, args=(serve,), daemon=True,
                             name="handler-%d" % self._threads).start()
        self._work.release()

    def _worker(self, serve):
        while True:
            with self._lock:
                self._idle += 1
            self._work.acquire()
            with self._lock:
                self._idle -= 1
            call = self._waiting.popleft()
            token = running.set(call)
            try:
                serve(call)
            finally:
                running.reset(token)
                call.flush_logs()
                self._calls.pop(call.stream, None)
                if self.wire.gone:
                    os._exit(0)
