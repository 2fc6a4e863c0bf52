# SPDX-License-Identifier: Apache-2.0
"""Frames on the socket: whole ones in, whole ones out (docs/formats/frames.md)."""
import os
import select
import threading
from struct import Struct

HELLO, SPECIALISE, READY, REQUEST, BODY, END, RESPONSE, LOG, ERROR, CANCEL, WINDOW = range(1, 12)

FRAME_MAX = 1 << 20  # payload of any frame, by the protocol
BODY_MAX = 65536  # payload of a body frame, by the protocol
LOG_MAX = 16384  # text of a log frame, by the protocol
ALLOWANCE = 262144  # body bytes a side may send unasked, by the protocol
GRANT_STEP = ALLOWANCE // 2  # what is consumed is granted again in such steps
DONTWAIT = 0x40  # MSG_DONTWAIT on Linux
READ_AHEAD_MAX = 64 << 20  # windows bound what a host sends; a broken one is not believed
READ_SIZE = 65536  # one read; larger ones would be mapped afresh by malloc each time

HEAD = Struct(">II")  # length << 8 | type, stream
_pack = HEAD.pack
_unpack_from = HEAD.unpack_from


class Wire:
    """The socket to the host. Sending is safe from any thread, receiving is not.

    When the host is gone there is nobody to serve nor to tell: the process ends.
    """

    def __init__(self, sock):
        self._sock = sock
        self._recv = sock.recv
        self._send = sock.send
        # Re-entrant: a print inside __del__ or a signal handler may interrupt a send.
        self._lock = threading.RLock()
        self._buffer = b""
        self._at = 0
        # The thread that receives, and whether some thread is inside a read now.
        self.reader = 0
        self._reading = False
        self.read_ahead = None  # called when a send has read frames beside
        self.gone = False  # in a child that user code forked: not ours any more

    def fileno(self):
        return self._sock.fileno()

    def send(self, data):
        """Send bytes that hold whole frames."""
        try:
            with self._lock:
                try:
                    sent = self._send(data, DONTWAIT)
                except BlockingIOError:
                    sent = 0
                if sent != len(data):
                    self._send_rest(memoryview(data)[sent:])
        except OSError:
            os._exit(0)

    def _send_rest(self, data):
        """Send what the socket did not take at once. Meanwhile the thread that
        receives goes on reading: the host may be waiting for that in its turn."""
        poll = select.poll()
        while data:
            events = select.POLLOUT
            if self.reader == threading.get_ident() and not self._reading:
                if len(self._buffer) - self._at < READ_AHEAD_MAX:
                    events |= select.POLLIN
            poll.register(self._sock, events)
            for _, event in poll.poll():
                if event & select.POLLIN:
                    if self._fill(0, DONTWAIT) and self.read_ahead is not None:
                        self.read_ahead()
                if event & ~select.POLLIN:
                    try:
                        data = data[self._send(data, DONTWAIT) :]
                    except BlockingIOError:
                        pass

    def frame(self, kind, stream, payload):
        """Send one frame."""
        self.send(_pack(len(payload) << 8 | kind, stream) + payload)

    def receive(self, flags=0):
        """Give the next frame as (type, stream, payload), waiting for it.

        With flags MSG_DONTWAIT it gives None when no whole frame is there.
        """
        while True:
            buffer, at = self._buffer, self._at
            have = len(buffer) - at
            need = 8
            if have >= 8:
                head, stream = _unpack_from(buffer, at)
                need += head >> 8
                if have >= need:
                    self._at = at + need
                    return head & 255, stream, buffer[at + 8 : at + need]
                if need > FRAME_MAX + 8:
                    os._exit(0)
            if not self._fill(need - have, flags):
                return None

    def pending(self):
        """Whether bytes are left that were read already."""
        return self._at < len(self._buffer)

    def _fill(self, missing, flags):
        """Read more into the buffer: what one read gives, or a large frame's rest."""
        self._reading = True
        try:
            data = self._recv(READ_SIZE, flags)
            if data and missing > len(data) and not flags:
                parts = [data]
                missing -= len(data)
                while missing > 0 and data:
                    data = self._recv(READ_SIZE)
                    parts.append(data)
                    missing -= len(data)
                data = data and b"".join(parts)
        except BlockingIOError:
            return False
        except OSError:
            os._exit(0)
        finally:
            self._reading = False
        if not data:
            os._exit(0)
        rest = self._buffer[self._at :] if self._at < len(self._buffer) else b""
        self._buffer = rest + data if rest else data
        self._at = 0
        return True

    def after_fork(self):
        """In a forked child: let go of the socket, whose frames are the parent's."""
        self.gone = True
        self._lock = threading.RLock()
        try:
            self._sock.close()
        except OSError:
            pass
