# SPDX-License-Identifier: Apache-2.0
"""The framework dialect: HTTP functions written for functions-framework; and the package
itself, for those of its other signatures too.

    package installed          → its own Flask application, served as WSGI
    not, but Flask importable  → a shim of the decorators; Flask's request and responses
    neither                    → the shim, with a small request and responses of ours
"""
import importlib.util
import json
import os
import sys

from . import payload, standin
from .calls import Cancelled
from .failure import Failure, leave
from .wsgi import WSGI

_PACKAGE = "functions_framework"
_SIGNATURES = {"framework": "http", "cloudevent": "cloudevent", "event": "event", "typed": "typed"}
_HIDDEN = ("/robots.txt", "/favicon.ico")  # never reach a function, by the contract
_CRASH = [["content-type", "text/plain; charset=utf-8"], ["x-google-status", "crash"]]
_TEXT = "text/html; charset=utf-8"


def importable(name):
    """Whether a module can be imported, without importing it."""
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def installed():
    """Whether the package itself is there, and not only the shim."""
    module = sys.modules.get(_PACKAGE)
    if module is not None:
        return not standin.stands_in(module)
    spec = importlib.util.find_spec(_PACKAGE)
    return spec is not None and not standin.is_ours(spec)


def serve_package(source, target, concurrent, dialect="framework"):
    """The package's application for the function target of the file source."""
    import functions_framework

    # A decorator in the code says more than this does, and wins.
    app = functions_framework.create_app(target, source, _SIGNATURES[dialect])
    record_crashes()
    return WSGI(_gate(app) if dialect == "cloudevent" else app, concurrent)


def _gate(app):
    """What senders of CloudEvents may ask for, and the package does not know: leave to
    send, and batches."""
    from . import gate

    return gate.Gate(app)


def record_crashes():
    """Let an exception that Flask or Django turns into a 500 be told to the host as
    the failure that it is, beside the answer."""
    for name in ("flask", "django.core.signals"):
        signal = getattr(sys.modules.get(name), "got_request_exception", None)
        if signal is not None:
            signal.connect(_crashed, weak=False)


def _crashed(*_, exception=None, **__):
    from . import instance

    call = instance.current_call()
    exception = exception or sys.exc_info()[1]
    if call is not None and exception is not None:
        call.failure = Failure(exception, call.request_id).as_dict()


def serve_shim(func, concurrent):
    """What serves a function without the package."""
    if importable("flask"):
        return WSGI(_flask_app(func), concurrent)
    return Plain(func, concurrent)


def _flask_app(func):
    """A WSGI application that calls func with Flask's request."""
    import flask
    from werkzeug.exceptions import HTTPException, NotFound

    app = flask.Flask(func.__module__ or "main")

    def application(environ, start_response):
        with app.request_context(environ):
            try:
                if environ["PATH_INFO"] in _HIDDEN:
                    raise NotFound()
                response = app.process_response(app.make_response(func(flask.request)))
            except HTTPException as exc:
                response = app.make_response(exc.get_response())
            except Exception as exc:
                crash(exc)
                start_response("500 Internal Server Error", [tuple(h) for h in _CRASH])
                return [b"Internal Server Error"]
            return response(environ, start_response)

    return application


def crash(exc):
    """Log an exception of a function and note it for the response head."""
    from . import instance

    call = instance.current_call()
    failure = Failure(exc, call.request_id)
    call.server.logs.write(2, failure.log())
    call.failure = failure.as_dict()


class Plain:
    """Serves an HTTP function with neither the package nor Flask."""

    def __init__(self, func, concurrent):
        from . import request

        self._func = func
        self._request = request.Request
        self._wsgi = WSGI(None, concurrent)

    def serve(self, call):
        """Run the function for one call."""
        try:
            environ = self._wsgi.environ(call)
            if environ["PATH_INFO"] in _HIDDEN:
                self._send(call, (404, [["content-type", _TEXT]], b"Not Found"))
                return
            try:
                answer = respond(self._func(self._request(environ)))
            except Cancelled:
                raise
            except Exception as exc:
                aborted = getattr(exc, "dayfly_status", None)
                if aborted is None:
                    crash(exc)
                    aborted = 500
                    answer = (500, _CRASH, b"Internal Server Error")
                else:
                    answer = (aborted, [["content-type", _TEXT]], str(exc).encode())
            self._send(call, answer)
        except Cancelled:
            pass
        except SystemExit as exc:
            leave(exc, call.server.logs, call)
        except BaseException as exc:
            crash(exc)
            self._send(call, (500, _CRASH, b"Internal Server Error"))
        finally:
            call.finish()

    def _send(self, call, answer):
        status, headers, body = answer
        if call.head.get("method") == "HEAD":
            body = b""
        if not isinstance(body, bytes):
            payload.stream(call, status, headers, body)
            return
        call.answer(call.head_json(status, headers), body)


def respond(result):
    """What Flask makes of a view's result: status, headers and body, which is bytes or
    an iterator of pieces."""
    status, headers = 200, []
    if isinstance(result, tuple):
        result, status, headers = _unpack(result)
    kind = _TEXT
    if hasattr(result, "status_code"):
        result, status, headers = _of_response(result, headers)
    if isinstance(result, str):
        body = result.encode("utf-8")
    elif isinstance(result, (bytes, bytearray)):
        body = bytes(result)
    elif isinstance(result, (dict, list)):
        body = json.dumps(result).encode("utf-8") + b"\n"
        kind = "application/json"
    elif hasattr(result, "__next__"):
        body = result  # a generator: its pieces are sent as they come
    else:
        raise TypeError("the function returned a %s: it must return a str, bytes, dict, list or "
                        "a tuple of one of them with a status or headers" % type(result).__name__)
    pairs = [[str(k).lower(), str(v)] for k, v in headers]
    if not any(name == "content-type" for name, _ in pairs):
        pairs.append(["content-type", kind])
    for name, value in pairs:
        if "\r" in name + value or "\n" in name + value:
            raise ValueError("header %.100r holds a line break" % name)
    return status, pairs, body


def _of_response(result, more):
    """Body, status and headers of an object like Flask's, Django's or Azure's."""
    given = getattr(result, "headers", None) or {}
    headers = list(given.items() if hasattr(given, "items") else given) + list(more)
    if hasattr(result, "get_data"):
        body = result.get_data()
    else:
        body = next((getattr(result, name) for name in ("data", "content", "body")
                     if hasattr(result, name)), b"")
    kind = getattr(result, "content_type", None) or getattr(result, "mimetype", None)
    if kind and not any(str(name).lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    return b"" if body is None else body, int(result.status_code), headers


def _unpack(result):
    headers, status = [], 200
    if len(result) == 3:
        body, status, headers = result
    elif len(result) == 2:
        body, second = result
        if isinstance(second, (dict, list, tuple)):
            headers = second
        else:
            status = second
    else:
        raise TypeError("the function returned a tuple of %d: it must be (body, status, headers), "
                        "(body, status) or (body, headers)" % len(result))
    if isinstance(status, str):
        status = status.split(" ", 1)[0]
    status = int(status)
    if not 200 <= status <= 599:
        raise ValueError("status is %d: it must be from 200 to 599" % status)
    if isinstance(headers, dict):
        headers = [(k, v) for k, value in headers.items()
                   for v in (value if isinstance(value, (list, tuple)) else [value])]
    return body, status, list(headers or ())


def unquoted(path):
    """A path without its escapes."""
    from urllib.parse import unquote

    return unquote(path) if "%" in path else path


def source_of(task, module):
    """The file of a module of the function."""
    path = os.path.join(task, module.replace(".", "/"))
    package = os.path.join(path, "__init__.py")
    return package if os.path.isfile(package) else path + ".py"
