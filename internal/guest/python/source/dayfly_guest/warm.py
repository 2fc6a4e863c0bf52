# SPDX-License-Identifier: Apache-2.0
"""What makes a stem warm: the modules that most functions import, and one call of a
dummy handler by the very path that real calls take."""
import base64  # noqa: F401 - imported for the functions to come, like all below
import collections  # noqa: F401
import datetime  # noqa: F401
import functools  # noqa: F401
import hashlib  # noqa: F401
import importlib.machinery
import importlib.util
import io  # noqa: F401
import os
import random  # noqa: F401
import site  # noqa: F401
import socket
import uuid  # noqa: F401

from .calls import Serial, decode, encode
from .lambdas import Lambda
from .logs import Logs
from .wire import BODY, END, HEAD, REQUEST, Wire

_SOURCE = """
def handler(event, context):
    return {"statusCode": 200, "body": event["rawPath"] + context.aws_request_id}
"""
_HEAD = (b'{"id":"0","kind":"http","deadline_ms":2,"received_ms":1,"method":"POST","path":"/p",'
         b'"prefix":"","query":"a=1","proto":"HTTP/1.1","scheme":"http","host":"h:1",'
         b'"remote":"r","headers":[["content-type","application/json"]],"length":2,"trace":""}')


class _Over(Exception):
    pass


def rehearse():
    """Load a module as an import does, then serve one call on a socket pair of our own."""
    importlib.util.find_spec("dayfly_rehearsal")
    entry = os.path.join(os.path.dirname(os.path.dirname(__file__)), "guest.py")
    importlib.machinery.SourceFileLoader("rehearsal", entry).get_code("rehearsal")
    here, there = socket.socketpair()
    wire = Wire(here)
    logs = Logs(wire)
    server = logs.server = Serial(wire, logs)
    names = {}
    exec(compile(_SOURCE, "rehearsal.py", "exec"), names)
    handler = Lambda(names["handler"], {"function": "f", "memory_bytes": 1 << 20}, {}, True)

    def serve(call):
        handler.serve(call)
        raise _Over

    there.sendall(HEAD.pack(len(_HEAD) << 8 | REQUEST, 1) + _HEAD
                  + HEAD.pack(2 << 8 | BODY, 1) + b"{}" + HEAD.pack(END, 1))
    try:
        server.run(serve)
    except _Over:
        pass
    head = there.recv(65536)
    length = HEAD.unpack_from(head)[0] >> 8
    if decode(str(head[8 : 8 + length], "utf-8"))["status"] != 200:
        raise RuntimeError("bug: the rehearsal failed: " + encode(str(head)))
    here.close()
    there.close()
