# SPDX-License-Identifier: Apache-2.0
"""What an exception becomes: the error frame, Lambda's error JSON, lines in the log."""
import base64
import os
import sys
import traceback
from json import JSONEncoder

from .calls import HeadTooLarge, encode

MESSAGE_MAX = 262144  # bytes of a message; a longer one is cut, the frame must hold it twice
MESSAGE_SMALL = 32768  # when escapes blow a message up past the frame: 6 bytes a byte at most
TYPE_MAX = 1000  # characters of a class name
STACK_MAX = 65536  # characters of a stack trace in all
FRAME_SAFE = 1000000  # an error frame of more is rebuilt with a small message

_here = os.path.dirname(__file__) + "/"
# Lambda's Python runtimes escape non-ASCII text up to 3.11 and not from 3.12 on.
lambda_encode = JSONEncoder(ensure_ascii=sys.version_info < (3, 12)).encode


class Fault(Exception):
    """A failure that the guest found itself: kind, type and message are given."""

    def __init__(self, kind, type_name, message, trace=()):
        Exception.__init__(self, message)
        self.kind = kind
        self.type_name = type_name
        self.message = message
        self.trace = list(trace)


def text_of(exc):
    """str(exc), whatever its __str__ does."""
    try:
        text = str(exc)
    except BaseException:
        text = "<unprintable %s object>" % type(exc).__name__
    if len(text) > MESSAGE_MAX // 4:
        data = text.encode("utf-8", "replace")
        if len(data) > MESSAGE_MAX:
            text = data[:MESSAGE_MAX].decode("utf-8", "ignore")
    return text


def trace_of(exc):
    """The traceback as (file, line, function, source) tuples, without our own frames."""
    try:
        entries = [(e.filename, e.lineno, e.name, (e.line or "")[:1000])
                   for e in traceback.extract_tb(exc.__traceback__)]
    except BaseException:
        return []
    for index, entry in enumerate(entries):
        if not entry[0].startswith(_here):
            return entries[index:]
    return []


class Failure:
    """An exception, described."""

    def __init__(self, exc, request_id, kind="exception"):
        self.request_id = request_id
        if isinstance(exc, Fault):
            self.kind, self.type, self.message = exc.kind, exc.type_name, exc.message
            self.stack, self.lines = [], exc.trace
            return
        self.kind = kind
        self.type = type(exc).__name__[:TYPE_MAX]
        self.message = text_of(exc)
        entries = trace_of(exc)
        try:
            self.lines = _bounded(traceback.format_list(entries))
        except BaseException:
            self.lines = []
        self.stack = _bounded(["%s:%s in %s" % (_short(file), line, name)
                               for file, line, name, _ in entries
                               if not file.startswith("<frozen importlib")])

    def payload(self, message):
        """The error as Lambda's Python runtime spells it, as bytes."""
        text = lambda_encode({"errorMessage": message, "errorType": self.type,
                              "requestId": self.request_id, "stackTrace": self.lines})
        return text.encode("utf-8", "replace")

    def as_dict(self):
        """The error frame's JSON as a dict, of a size that fits a frame."""
        told = self._told(self.message)
        if len(self.message) > MESSAGE_SMALL and len(encode(told)) > FRAME_SAFE:
            told = self._told(self.message[:MESSAGE_SMALL])
        return told

    def _told(self, message):
        return {"kind": self.kind, "type": self.type, "message": message, "stack": self.stack,
                "payload": base64.b64encode(self.payload(message)).decode("ascii")}

    def frame(self):
        """The error frame's payload."""
        return encode(self.as_dict()).encode()

    def log(self):
        """The lines that Lambda would log, for standard error."""
        head = "[ERROR] %s: %s" % (self.type, self.message) if self.message else (
            "[ERROR] %s" % self.type)
        text = head + "\n"
        if self.lines:
            text += "Traceback (most recent call last):\n" + "".join(
                line if line.endswith("\n") else line + "\n" for line in self.lines)
        return text.encode("utf-8", "backslashreplace")


def _short(file):
    task = os.environ.get("LAMBDA_TASK_ROOT") or _task
    return file[len(task) + 1 :] if task and file.startswith(task + "/") else file


_task = ""  # where the function's code is; instance sets it once


def set_task(task):
    """Tell where the code is: stacks name files below it relative to it."""
    global _task
    _task = task


def _bounded(lines):
    total = 0
    for index, line in enumerate(lines):
        total += len(line)
        if total > STACK_MAX:
            return lines[:index]
    return lines


def report(call, exc):
    """End a call with an exception: log lines, then the error frame.

    SystemExit ends the process, as it would anywhere else.
    """
    if isinstance(exc, SystemExit):
        leave(exc, call.server.logs, call)
    try:
        kind = "bad_response" if isinstance(exc, HeadTooLarge) else "exception"
        failure = Failure(exc, call.request_id, kind)
        call.server.logs.write(2, failure.log())
        data = failure.frame()
    except MemoryError:
        data = b'{"kind":"exception","type":"MemoryError","message":"","stack":[]}'
    call.fail(data)


def leave(exc, logs, call=None):
    """Do what sys.exit asked for, at once."""
    code = exc.code
    if code is None:
        code = 0
    elif not isinstance(code, int):
        logs.write(2, (text_of(code) + "\n").encode("utf-8", "backslashreplace"))
        code = 1
    logs.flush(None)
    if call is not None:
        logs.flush(call)
    os._exit(code & 0xFF)
