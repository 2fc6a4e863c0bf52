# SPDX-License-Identifier: Apache-2.0
"""WSGI applications: each of them is one row of the tests."""
import io
import json
import sys
import threading

closed = []


def environ(environ, start_response):
    shown = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
    data = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [data]


class Pieces:
    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        closed.append("closed")


class One(Pieces):
    def __len__(self):
        return 1


def styles(environ, start_response):
    what = environ["PATH_INFO"][1:]
    headers = [("Content-Type", "text/plain"), ("Connection", "close"),
               ("Transfer-Encoding", "chunked"), ("X-Latin", "caf\xe9"),
               ("X-Utf", "\u2603".encode().decode("latin-1"))]
    if what == "none":
        return [b"x"]
    if what == "late":
        def late():
            start_response("200 OK", headers)
            yield b"late"
        return late()
    if what == "write":
        write = start_response("200 OK", headers)
        write(b"written ")
        write(b"")
        return [b"returned"]
    if what == "status":
        start_response("404 Not here", headers)
        return [b""]
    if what == "badstatus":
        start_response("OK", headers)
        return [b""]
    if what == "badheader":
        start_response("200 OK", [("a", "b\r\nc: d")])
        return [b""]
    if what == "twice":
        start_response("200 OK", headers)
        start_response("200 OK", headers)
        return [b""]
    if what == "text":
        start_response("200 OK", headers)
        return ["text"]
    if what == "nothing":
        start_response("200 OK", headers)
        return None
    if what == "excinfo":
        start_response("200 OK", headers)
        try:
            raise ValueError("inner")
        except ValueError:
            start_response("500 Oops", [("X-Replaced", "yes")], sys.exc_info())
        return [b"replaced"]
    if what == "excinfolate":
        def pieces():
            yield b"sent"
            try:
                raise ValueError("too late")
            except ValueError:
                start_response("500 Oops", headers, sys.exc_info())
            yield b"never"
        start_response("200 OK", headers)
        return pieces()
    if what == "raise":
        raise LookupError("no")
    if what == "raiselater":
        def pieces():
            yield b"some"
            raise LookupError("half way")
        start_response("200 OK", headers)
        return pieces()
    if what == "closed":
        start_response("200 OK", headers)
        return [json.dumps(closed).encode()]
    start_response("200 OK", headers)
    if what == "pieces":
        return Pieces([b"a", b"", b"b"])
    if what == "one":
        return One([b"one"])
    if what == "liar":
        return One([b"one", b"two", b"three"])
    if what == "empty":
        return []
    if what == "tuple":
        return (b"tuple",)
    if what == "bytes":
        return b"abc"
    if what == "file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"f" * 100000), 10)
    if what == "endless":
        def endless():
            try:
                while True:
                    yield b"x" * 65536
            finally:
                closed.append("endless")
        return endless()
    if what == "errors":
        environ["wsgi.errors"].write("complaint\n")
        return [b"ok"]
    return [what.encode()]


def reading(environ, start_response):
    start_response("200 OK", [])
    body = environ["wsgi.input"]
    what = environ["PATH_INFO"][1:]
    if what == "read":
        return [body.read()]
    if what == "sized":
        return [b"|".join(iter(lambda: body.read(3), b""))]
    if what == "line":
        return [repr([body.readline(), body.readline(2), body.readline(), body.readline(),
                      body.readline()]).encode()]
    if what == "lines":
        return [repr(body.readlines()).encode()]
    if what == "hint":
        return [repr([body.readlines(1), body.read()]).encode()]
    if what == "iter":
        return [repr(list(body)).encode()]
    if what == "into":
        buffer = bytearray(4)
        count = body.readinto(buffer)
        return [bytes(buffer[:count])]
    if what == "buffered":
        return [io.BufferedReader(body).read(5)]
    if what == "echo":
        return iter(lambda: body.read(50000), b"")
    if what == "count":
        total = 0
        piece = body.read(65536)
        while piece:
            total += len(piece)
            piece = body.read(65536)
        return [b"%d" % total]
    return [b"unread"]


barrier = threading.Barrier(4)


def meeting(environ, start_response):
    barrier.wait(15)
    print("met " + environ["PATH_INFO"])
    start_response("200 OK", [])
    total = sum(len(piece) for piece in iter(lambda: environ["wsgi.input"].read(8192), b""))
    return (b"%06d" % total * 1000 for _ in range(100))


class Closing(Pieces):
    def __init__(self, pieces, body):
        Pieces.__init__(self, pieces)
        self.body = body

    def close(self):
        print("closed after", self.body.read())


def closing(environ, start_response):
    start_response("200 OK", [])
    return Closing([b"body"], environ["wsgi.input"])
