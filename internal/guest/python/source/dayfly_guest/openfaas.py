# SPDX-License-Identifier: Apache-2.0
"""The openfaas dialect: the handlers of OpenFaaS's templates for Python.

    handle(req)              python3: the body as text; what it prints and returns
    handle(event, context)   python3-http: dict of statusCode, headers and body, or
                             what Flask would take
"""
import json
import os
import socket
import sys
import time

from . import framework, load
from .calls import running
from .plain import Plain
from .request import Headers, MultiDict, pairs_of


def serving(func, concurrent):
    """What serves func, whichever of the two it is."""
    names = load.parameters(func)
    return HTTP(func) if len(names) >= 2 else Classic(func, concurrent)


class _Watched(Plain):
    """What the watchdog and the gateway add."""

    def __init__(self, func):
        self._func = func

    def respond(self, request):
        began = time.monotonic()
        status, headers, body = self.handle(request)
        headers = list(headers)
        headers += [["x-duration-seconds", "%f" % (time.monotonic() - began)],
                    ["x-call-id", request.call.request_id],
                    ["x-start-time", "%d" % (request.head.get("received_ms", 0) * 1000000)]]
        return status, headers, body

    def handle(self, request):
        """Call the function."""
        raise NotImplementedError


class _Output:
    """Standard output of classic handlers, which is their answer."""

    def __init__(self, stream):
        self._stream = stream
        self.pieces = {}  # call → what it printed

    def _of_call(self):
        call = running.get() or _Output.single
        return self.pieces.get(call)

    single = None  # the call under way, where there is one at a time

    def write(self, text):
        """Take what is printed."""
        pieces = self._of_call()
        if pieces is None:
            return self._stream.write(text)
        pieces.append(text)
        return len(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class Classic(_Watched):
    """The python3 template, which is a program for each call: the request's head is in
    the environment, the body on standard input, and the answer on standard output."""

    def __init__(self, func, concurrent):
        _Watched.__init__(self, func)
        self._concurrent = concurrent
        self._output = sys.stdout = _Output(sys.stdout)
        self._names = []

    def handle(self, request):
        call, pieces = request.call, []
        self._output.pieces[call] = pieces
        if not self._concurrent:
            _Output.single = call
            self._export(request)
        try:
            result = self._func(request.body.decode("utf-8", "replace"))
            if result is not None:
                pieces.append(str(result) + "\n")
        finally:
            del self._output.pieces[call]
            _Output.single = None
        kind = os.environ.get("content_type") or request.headers.get(
            "content-type", "text/plain; charset=utf-8")
        return 200, [["content-type", kind]], "".join(pieces).encode("utf-8", "backslashreplace")

    def _export(self, request):
        for name in self._names:
            os.environ.pop(name, None)
        seen = {"Http_Method": request.method, "Http_Path": request.path,
                "Http_Host": request.head.get("host", ""),
                "Http_Content_Length": str(len(request.body)),
                "Http_ContentLength": str(len(request.body)),
                "Http_X_Call_Id": request.call.request_id}
        if request.query:
            seen["Http_Query"] = request.query
        for name, value in request.pairs:
            seen.setdefault("Http_" + "_".join(w.capitalize() for w in name.split("-")), value)
        self._names = list(seen)
        os.environ.update({k: v for k, v in seen.items() if "\0" not in v})

    def crashed(self, request, exc):
        return 500, [["content-type", "text/plain; charset=utf-8"]], b"exit status 1"


class Event:
    """The first argument of an HTTP handler."""

    def __init__(self, request):
        self.body = request.body
        self.headers = Headers.of_pairs(request.pairs)
        self.method = request.method
        self.query = MultiDict(pairs_of(request.query))
        self.path = framework.unquoted(request.path)


class Context:
    """The second argument of an HTTP handler."""

    def __init__(self):
        self.hostname = os.getenv("HOSTNAME") or socket.gethostname()


class HTTP(_Watched):
    """The python3-http template."""

    def handle(self, request):
        result = self._func(Event(request), Context())
        if result is None:
            return 200, [], b""
        if not isinstance(result, dict):
            return framework.respond(result)
        headers = result.get("headers") or []
        headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
        kinds = [str(v) for k, v in headers if str(k).lower() == "content-type"]
        body = result.get("body", "")
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode() + b"\n"
            if not kinds:
                headers.append(("content-type", "application/json"))
        elif not isinstance(body, (bytes, bytearray)):
            body = str(body).encode("utf-8")
        if not kinds and not any(str(k).lower() == "content-type" for k, _ in headers):
            headers.append(("content-type", "text/html; charset=utf-8"))
        return int(result.get("statusCode", 200)), headers, bytes(body)
