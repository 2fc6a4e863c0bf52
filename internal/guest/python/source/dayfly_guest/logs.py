# SPDX-License-Identifier: Apache-2.0
"""sys.stdout and sys.stderr as log frames, one a line, of the call that printed.

    print ─▶ io.TextIOWrapper ─▶ Sink.write ─▶ whole lines ─▶ frame
                                                └ rest kept until the call ends

What writes to descriptors 1 and 2 directly (native code, a subprocess) is not seen
here: those stay the real ones, which the host reads itself.
"""
import io
import os
import sys
import threading

from .wire import HEAD, LOG, LOG_MAX

_pack = HEAD.pack


class Logs:
    """Turns what is printed into log frames. Safe from any thread."""

    def __init__(self, wire):
        self.wire = wire
        self.server = None  # knows the current call; None before the first server runs
        self._lock = threading.RLock()
        self._own = {}  # unfinished lines that belong to no call

    def install(self):
        """Replace sys.stdout and sys.stderr."""
        sys.stdout = sys.__stdout__ = self._stream(1, "<stdout>")
        sys.stderr = sys.__stderr__ = self._stream(2, "<stderr>")

    def _stream(self, number, name):
        # Surrogates are escaped rather than refused: a log line must not fail a call.
        stream = io.TextIOWrapper(Sink(self, number, name), encoding="utf-8",
                                  errors="backslashreplace", newline="\n", write_through=True)
        stream.mode = "w"
        return stream

    def write(self, number, data):
        """Take bytes printed on 1 or 2; send the whole lines among them."""
        if self.wire.gone:
            _write_all(number, data)
            return
        server = self.server
        call = server.current if server is not None else None
        if call is not None and call.done:
            call = None
        with self._lock:
            partial = self._partial(call)
            rest = partial.pop(number, b"")
            lines = (rest + data).split(b"\n") if rest else data.split(b"\n")
            rest = lines.pop()
            while len(rest) > LOG_MAX:
                cut = _cut(rest)
                lines.append(rest[:cut])
                rest = rest[cut:]
            if rest:
                partial[number] = rest
            if lines:
                self.wire.send(_frames(call.stream if call else 0, number, lines))

    def _partial(self, call):
        if call is None:
            return self._own
        if call.partial is None:
            call.partial = {}
        return call.partial

    def flush(self, call):
        """Send the unfinished lines of a call, or those of none when call is None."""
        with self._lock:
            partial = self._partial(call)
            for number in sorted(partial):
                self.wire.send(_frames(call.stream if call else 0, number, [partial[number]]))
            partial.clear()

    def after_fork(self):
        """In a forked child: print to the real descriptors from now on."""
        self._lock = threading.RLock()
        self._own = {}


def _cut(line):
    """Where to cut a long line: at the bound, but not inside a UTF-8 character."""
    cut = LOG_MAX
    while cut > LOG_MAX - 4 and line[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def _frames(stream, number, lines):
    """Give the log frames of lines as bytes."""
    mark = b"\x01" if number == 1 else b"\x02"
    out = []
    for line in lines:
        if line.endswith(b"\r"):
            line = line[:-1]
        while len(line) > LOG_MAX:
            cut = _cut(line)
            out.append(_pack((cut + 1) << 8 | LOG, stream) + mark + line[:cut])
            line = line[cut:]
        out.append(_pack((len(line) + 1) << 8 | LOG, stream) + mark + line)
    return b"".join(out)


def _write_all(number, data):
    try:
        while data:
            data = data[os.write(number, data) :]
    except OSError:
        pass


class Sink(io.RawIOBase):
    """The binary stream below sys.stdout: it has no descriptor of its own, but
    tells the real one, so that a subprocess can inherit it."""

    def __init__(self, logs, number, name):
        self._logs = logs
        self._number = number
        self.name = name
        self.mode = "wb"

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self._logs.write(self._number, data)
        return len(data)

    def fileno(self):
        return self._number

    def isatty(self):
        return False

    def close(self):
        """Closing the standard streams would only lose later lines: ignored."""
