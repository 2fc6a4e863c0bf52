# SPDX-License-Identifier: Apache-2.0
"""Lambda handlers: each of them is one row of the tests."""
import asyncio
import base64
import collections
import decimal
import json
import logging
import os
import sys
import threading
import time

calls = 0


def echo(event, context):
    return event


def context(event, context):
    left = context.get_remaining_time_in_millis()
    context.log("told\n")
    return {
        "fields": [context.aws_request_id, context.log_group_name, context.log_stream_name,
                   context.function_name, context.memory_limit_in_mb, context.function_version,
                   context.invoked_function_arn, context.tenant_id, context.client_context],
        "identity": [context.identity.cognito_identity_id,
                     context.identity.cognito_identity_pool_id],
        "left": isinstance(left, int) and 0 < left <= 30000,
        "repr": repr(context).startswith("LambdaContext([aws_request_id=call-"),
    }


ANSWERS = {
    "/object": {"statusCode": 201, "headers": {"X-Count": 3, "x-flag": True, "x-float": 1.5},
                "body": "made"},
    "/cookies": {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": "x"},
    "/binary": {"statusCode": 200, "headers": {"content-type": "image/png"},
                "body": base64.b64encode(b"\x89PNG\x00\xff").decode(), "isBase64Encoded": True},
    "/nested": {"statusCode": 200, "body": {"a": [1, 2]}},
    "/nobody": {"statusCode": 204},
    "/textstatus": {"statusCode": "202", "body": ""},
    "/floatstatus": {"statusCode": 203.0, "body": ""},
    "/type": {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": "<p>"},
    "/length": {"statusCode": 200, "headers": {"Content-Length": "99", "Connection": "close"},
                "body": "abc"},
    "/dict": {"hello": "world"},
    "/list": ["hello", 3, True],
    "/number": 3,
    "/float": 3.1,
    "/bool": True,
    "/none": None,
    "/string": "hello",
    "/unicode": {"a": "é☃"},
    "/bytes": b"\x00\x01raw",
    "/decimal": {"d": decimal.Decimal("1.10"), "n": [decimal.Decimal("NaN")]},
    "/bytesbody": {"statusCode": 200, "body": b"plain"},
    "/intkeys": {1: "a", None: "b"},
}
BROKEN = {
    "/status": {"statusCode": "abc"},
    "/statusbool": {"statusCode": True},
    "/statusrange": {"statusCode": 99},
    "/status101": {"statusCode": 101},
    "/statusnone": {"statusCode": None},
    "/statusinf": {"statusCode": float("inf")},
    "/headers": {"statusCode": 200, "headers": ["a"]},
    "/headerlist": {"statusCode": 200, "headers": {"a": ["b"]}},
    "/headername": {"statusCode": 200, "headers": {"a b": "c"}},
    "/headersplit": {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: x"}},
    "/cookies": {"statusCode": 200, "cookies": "a=1"},
    "/base64": {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    "/set": {1, 2},
    "/bodyset": {"statusCode": 200, "body": {1, 2}},
    "/extra": {"statusCode": 200, "other": object()},
    "/surrogate": "\ud800",
    "/bytesinside": {"a": b"\xff"},
}
CIRCLE = {}
CIRCLE["me"] = CIRCLE
BROKEN["/circle"] = CIRCLE


def answers(event, context):
    return ANSWERS[event["rawPath"]]


def broken(event, context):
    return BROKEN[event["rawPath"]]


def event_answers(event, context):
    return ANSWERS["/" + event]


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Abrupt(BaseException):
    pass


def _deep(n):
    return _deep(n + 1)


def raising(event, context):
    what = event["rawPath"][1:]
    if what == "value":
        raise ValueError("boom é")
    if what == "empty":
        raise ValueError
    if what == "unprintable":
        raise Unprintable
    if what == "base":
        raise Abrupt("base")
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "recursion":
        return _deep(0)
    if what == "memory":
        return bytearray(1 << 62)
    if what == "huge":
        raise ValueError("x" * 3_000_000)
    if what == "control":
        raise ValueError("\x00" * 3_000_000)
    if what == "surrogate":
        raise ValueError("\ud800")
    if what == "chained":
        try:
            raise KeyError("inner")
        except KeyError as exc:
            raise RuntimeError("outer") from exc
    if what == "group":
        raise BaseExceptionGroup("several", [ValueError(1), KeyboardInterrupt()])
    if what == "named":
        raise type("Odd\nName", (Exception,), {})("x")
    if what == "cancelled":
        raise asyncio.CancelledError
    if what == "stop":
        raise StopIteration("s")
    if what == "generator":
        raise GeneratorExit
    return what


def exiting(event, context):
    print("unfinished", end="")
    what = event["rawPath"][1:]
    if what == "exit":
        sys.exit(3)
    if what == "zero":
        sys.exit()
    if what == "text":
        sys.exit("bye")
    if what == "os":
        os._exit(4)
    if what == "close":
        os.close(3)
    if what == "garbage":
        os.write(3, b"\xff" * 64)
    return "survived"


def printing(event, context):
    what = event["rawPath"][1:]
    if what == "lines":
        print("one\ntwo\r\n\nthree", end="")
        print("err", file=sys.stderr)
    elif what == "long":
        print("é" * 20000)
    elif what == "partial":
        sys.stdout.write("a")
        sys.stdout.write("b")
        sys.stdout.flush()
        sys.stdout.write("c\nd")
    elif what == "endless":
        for _ in range(50):
            sys.stdout.write("x" * 1000)
    elif what == "buffer":
        sys.stdout.buffer.write(b"\xff\xfe raw\n")
    elif what == "surrogate":
        print("\ud800")
    elif what == "raw":
        os.write(1, b"to descriptor 1\n")
        os.system("echo from a subprocess >&2")
    elif what == "facts":
        return [sys.stdout.isatty(), sys.stdout.fileno(), sys.stderr.fileno(),
                sys.stdout.encoding, sys.stdout.writable(), sys.stdout.name]
    elif what == "closed":
        sys.stdout.close()
        sys.stderr.close()
        sys.stdout = sys.__stdout__ = open(os.devnull, "w")
    elif what == "thread":
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
    elif what == "logging":
        logging.getLogger().setLevel(logging.INFO)
        logging.info("told %s", "you")
        logging.debug("not this")
        try:
            raise KeyError("k")
        except KeyError:
            logging.exception("with trace")
    elif what == "later":
        threading.Timer(0.05, print, ("after the call",)).start()
    return "ok"


def forking(event, context):
    what = event["rawPath"][1:]
    pid = os.fork()
    if pid == 0:
        print("child prints")
        if what == "return":
            return "from the child"
        if what == "raise":
            raise ValueError("from the child")
        os._exit(7)
    _, status = os.waitpid(pid, 0)
    return "parent %d" % os.WEXITSTATUS(status)


def multi(event, context):
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-1, -2])


def spawned(event, context):
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=queue.put, args=("spawned",))
    process.start()
    value = queue.get(timeout=20)
    process.join()
    return value


async def coroutine(event, context):
    await asyncio.sleep(0)
    return {"statusCode": 200, "body": "async " + event["rawPath"]}


def generator(event, context):
    yield "one "
    yield b"two "
    yield bytearray(b"three")


async def async_generator(event, context):
    for piece in ("a", "b"):
        await asyncio.sleep(0)
        yield piece


def streamed_body(event, context):
    return {"statusCode": 206, "headers": {"content-type": "text/plain"},
            "body": (str(i) for i in range(5))}


closed = []


def failing_stream(event, context):
    if event["rawPath"] == "/closed":
        return closed

    def pieces():
        try:
            yield "first"
            if event["rawPath"] == "/wrong":
                yield 3
            if event["rawPath"] == "/endless":
                while True:
                    yield b"x" * 65536
            raise ValueError("half way")
        finally:
            closed.append(event["rawPath"])

    return pieces()


def large(event, context):
    size = int(event["queryStringParameters"]["size"])
    return {"statusCode": 200, "body": "y" * size}


def measure(event, context):
    body = event["body"]
    data = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    return {"size": len(data), "sum": sum(data[::4096])}


def environment(event, context):
    return {
        "env": {k: v for k, v in os.environ.items() if k != "_X_AMZN_TRACE_ID"},
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "cwd": os.getcwd(),
        "path0": sys.path[0],
        "foreign": [p for p in sys.path if "dist-packages" in p or "dayfly_guest" in p],
        "zone": time.strftime("%Z", time.localtime(0)),
        "hour": time.localtime(0).tm_hour,
        "main": sorted(k for k in vars(sys.modules["__main__"]) if not k.startswith("__")),
        "exit": callable(exit),
    }


def counting(event, context):
    global calls
    calls += 1
    return calls


barrier = threading.Barrier(4)


def meeting(event, context):
    print("before " + event["rawPath"])
    sys.stdout.write("partial ")
    barrier.wait(15)
    print("after " + event["rawPath"])
    logging.warning("logged " + event["rawPath"])
    return threading.current_thread() is threading.main_thread()


Point = collections.namedtuple("Point", "x y")
not_callable = 3


class Method:
    def handler(self, event, context):
        return "method"

    def __call__(self, event, context):
        return "instance"


method = Method().handler
instance = Method()


def long_headers(event, context):
    return {"statusCode": 200, "headers": {"x-long": "h" * (1 << 20)}}


def long_type(event, context):
    raise type("T" * 3_000_000, (Exception,), {})("m" * 300_000)


def leaving_threads(event, context):
    for _ in range(3):
        threading.Thread(target=threading.Event().wait).start()
    return threading.active_count()
