# SPDX-License-Identifier: Apache-2.0
"""The vercel dialect: the Python files below api/, each a function at its own path.

    api/index.py     /api               class handler(BaseHTTPRequestHandler)
    api/item/[id].py /api/item/7        app: WSGI or ASGI
    vercel.json      rewrites and routes lead other paths there
"""
import io
import json
import os
import re
import threading

from . import load
from .calls import Cancelled
from .failure import Fault, report
from .wsgi import WSGI, latin, unlatin

_HEAD_MAX = 1 << 20  # of an answer, which must fit a frame
_FILES_MAX = 500
_JSON_MAX = 1 << 20
_named = re.compile(r":(\w+)(\*)?|\((?:\?:)?([^()]*)\)|([.+^$|\\{}\[\]?])")


class Vercel:
    """Serves calls with the functions of a project."""

    def __init__(self, task, concurrent):
        self._routes = []
        for file in _files(task):
            self._routes.append((_rank(file), _pattern(file), _server(task, file, concurrent)))
        if not self._routes:
            raise Fault("init", "Runtime.HandlerNotFound", "there is no Python file in api/")
        self._routes.sort(key=lambda route: route[0])
        self._rewrites = _rewrites(os.path.join(task, "vercel.json"))

    def serve(self, call):
        """Run the function that a call's path leads to."""
        path = call.head.get("path", "/")
        if call.head.get("kind") == "event":
            path = "/api"
        found = self._find(path)
        if found is None:
            for match, target in self._rewrites:
                if match(path):
                    found = self._find(target)
                    break
        if found is None:
            call.answer(call.head_json(404, [["content-type", "text/plain; charset=utf-8"]]),
                        b"The page could not be found\n\nNOT_FOUND\n")
            return
        server, params = found
        if params:
            more = "&".join(params)
            query = call.head.get("query", "")
            call.head["query"] = query + "&" + more if query else more
        server.serve(call)

    def _find(self, path):
        for _, match, server in self._routes:
            found = match(path)
            if found:
                return server, ["%s=%s" % pair for pair in found.groupdict().items()
                                if pair[1] is not None]
        return None


def _files(task):
    """The modules below api/, as paths from the code's folder."""
    found = []
    for folder, folders, names in os.walk(os.path.join(task, "api")):
        folders[:] = sorted(f for f in folders if f[0] not in "._" and f != "node_modules")
        for name in sorted(names):
            if name.endswith(".py") and name[0] not in "._" and len(found) < _FILES_MAX:
                found.append(os.path.relpath(os.path.join(folder, name), task))
    return found


def _rank(file):
    """Plain paths first, then those with a name, then those that take all."""
    return [2 if "[..." in part else 1 if "[" in part else 0 for part in file.split("/")]


def _pattern(file):
    """What matches the paths of a file."""
    path = file[: -len(".py")]
    index = path.endswith("/index")
    if index:
        path = path[: -len("/index")]
    text = ""
    for part in path.split("/"):
        rest = re.fullmatch(r"\[{1,2}\.\.\.(\w+)\]{1,2}", part)
        name = re.fullmatch(r"\[(\w+)\]", part)
        if rest:
            one = "/(?P<%s>.+)" % rest.group(1)
            text += "(?:%s)?" % one if part.startswith("[[") else one
        else:
            text += "/(?P<%s>[^/]+)" % name.group(1) if name else "/" + re.escape(part)
    return re.compile(text + ("(?:/index)?" if index else "") + "(?:\\.py)?/?").fullmatch


def _rewrites(file):
    """What vercel.json says of paths: (match, target) pairs."""
    try:
        with open(file, encoding="utf-8-sig") as opened:
            config = json.loads(opened.read(_JSON_MAX))
    except FileNotFoundError:
        return []
    except ValueError as exc:
        raise Fault("init", "Runtime.InvalidConfiguration",
                    "vercel.json is not JSON: %s" % exc) from None
    pairs = []
    for entry in config.get("rewrites") or ():
        pairs.append((_source(str(entry.get("source", ""))), entry.get("destination")))
    for entry in config.get("routes") or ():
        if entry.get("dest"):
            pairs.append((str(entry.get("src", "")), entry["dest"]))
    out = []
    for source, target in pairs:
        target = re.sub(r"\.py$", "", str(target).partition("?")[0])
        target = "/" + re.sub(r"/index$", "", target.lstrip("/"))
        try:
            out.append((re.compile(source).fullmatch, target))
        except re.error as exc:
            raise Fault("init", "Runtime.InvalidConfiguration",
                        "vercel.json: %.100r cannot be matched: %s" % (source, exc)) from None
    return out


def _source(source):
    """A path of rewrites, with its :names, as a regular expression."""
    def piece(match):
        if match.group(1):
            return ".*" if match.group(2) else "[^/]+"
        if match.group(4):
            return re.escape(match.group(4))
        return "(?:%s)" % match.group(3)

    return _named.sub(piece, source)


def _server(task, file, concurrent):
    """What serves the function of one file."""
    module = _load(task, file)
    handler = getattr(module, "handler", None)
    if isinstance(handler, type):
        return Requests(handler)
    app = getattr(module, "app", None) or getattr(module, "application", None) or handler
    if not callable(app):
        raise Fault("init", "Runtime.HandlerNotFound",
                    "%s has neither a class handler nor an app" % file)
    if load.detect(app) == "asgi":
        return Async(app)
    return WSGI(app, concurrent)


def _load(task, file):
    """Import a file by its place: [id].py is no name that an import statement knows."""
    name = file[: -len(".py")].replace("/", ".")
    if all(part.isidentifier() for part in name.split(".")):
        return load.load_module(name)
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location(name, os.path.join(task, file))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as exc:
        raise Fault("init", "Runtime.ImportModuleError",
                    "Unable to import module '%s': %s" % (file, exc)) from exc
    return module


class Writer(io.RawIOBase):
    """What a request handler writes HTTP to: the head becomes a response, and the body
    follows as it comes."""

    def __init__(self, call):
        self._call = call
        self._head = b""
        self._bare = call.head.get("method") == "HEAD"

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        call = self._call
        if call.started:
            if not self._bare:
                call.poll()
                call.write(data)
            return len(data)
        self._head += data
        head, found, body = self._head.partition(b"\r\n\r\n")
        if not found:
            if len(self._head) > _HEAD_MAX:
                raise ValueError("the head of the answer is too large")
            return len(data)
        if head.startswith(b"HTTP/1.1 100"):
            self._head = body
            return len(data)
        status, headers = _parse(head)
        if body and not self._bare:
            call.open(status, headers, body)
        else:
            call.start(status, headers)
        return len(data)


def _parse(head):
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError("the answer begins with %.100r, which is no status line" % lines[0])
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() not in ("connection", "transfer-encoding", "content-length"):
            headers.append([name.strip(), unlatin(value.strip())])
    return int(words[1]), headers


class Requests:
    """Serves calls with a class of http.server's request handlers."""

    def __init__(self, handler):
        self._handler = handler

    def serve(self, call):
        """Let an instance of the class answer one call."""
        try:
            handler = self._made(call)
            method = getattr(handler, "do_" + handler.command, None)
            if method is None:
                handler.send_error(501, "Unsupported method (%r)" % handler.command)
            else:
                method()
            if not call.started and not call.done:
                raise Fault("bad_response", "Runtime.MalformedResponse",
                            "the handler returned without a response")
        except Cancelled:
            pass
        except BaseException as exc:
            report(call, exc)
        finally:
            call.finish()

    def _made(self, call):
        """An instance that believes to sit on a connection."""
        from http.client import HTTPMessage

        head = call.head
        if head.get("kind") == "event":
            head = {"method": "POST", "path": "/api", "proto": "HTTP/1.1",
                    "headers": [["content-type", "application/json"]]}
        headers = HTTPMessage()
        body = call.read_all()
        known = set()
        for name, value in head.get("headers", ()):
            headers[name.title()] = latin(value)
            known.add(name)
        if "host" not in known and head.get("host"):
            headers["Host"] = head["host"]
        if body and "content-length" not in known:
            headers["Content-Length"] = str(len(body))
        handler = self._handler.__new__(self._handler)
        handler.command = head["method"]
        handler.path = head.get("path", "/") + (
            "?" + head["query"] if head.get("query") else "")
        handler.request_version = "HTTP/1.1"
        handler.requestline = "%s %s HTTP/1.1" % (handler.command, handler.path)
        handler.headers = headers
        handler.client_address = (head.get("remote", ""), 0)
        handler.server = handler.connection = handler.request = None
        handler.close_connection = True
        handler.rfile = io.BytesIO(body)
        handler.wfile = Writer(call)
        return handler


class Async:
    """Serves calls with an ASGI application, one at a time and without a lifespan, as
    Vercel does."""

    def __init__(self, app):
        self._app = app
        self._loops = threading.local()

    def serve(self, call):
        """Run the application for one call on the thread's own loop."""
        import asyncio

        from . import asgi

        loop = getattr(self._loops, "loop", None)
        if loop is None:
            loop = self._loops.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(asgi.blocking(self._app, call))
        except Cancelled:
            pass
        except BaseException as exc:
            report(call, exc)
        finally:
            call.finish()
