# SPDX-License-Identifier: Apache-2.0
"""The openwhisk dialect: main(args), a web action of OpenWhisk; main(args, context) as
DigitalOcean has it."""
import json
import os
import time
from base64 import b64decode
from binascii import Error as Base64Error
from urllib.parse import parse_qsl

from . import load, payload
from .calls import decode
from .failure import Failure, Fault
from .marshal_json import http_json
from .plain import Plain

_RESERVED = "__ow_"
_JSON = ["content-type", "application/json"]


class Context:
    """What is known of an activation."""

    def __init__(self, spec, head):
        self.function_name = "/%s/%s" % (spec.get("project") or "_", spec.get("function", ""))
        self.function_version = str(spec.get("number") or "0.0.1")
        self.activation_id = head.get("id", "")
        self.request_id = head.get("id", "")
        self.deadline = head.get("deadline_ms") or 0
        self.api_host = ""
        self.api_key = ""
        self.namespace = spec.get("project") or "_"

    def get_remaining_time_in_millis(self):
        """Milliseconds until the call is ended, at least 0."""
        return max(0, self.deadline - int(time.time() * 1000))


class Action(Plain):
    """Serves calls with one action."""

    def __init__(self, func, spec, concurrent):
        self._func = func
        self._spec = spec
        self._with_context = len(load.parameters(func)) > 1
        self._export = not concurrent

    def respond(self, request):
        head = request.call.head
        context = Context(self._spec, head)
        if self._export:
            os.environ.update(__OW_ACTIVATION_ID=context.activation_id,
                              __OW_DEADLINE=str(context.deadline),
                              __OW_ACTION_NAME=context.function_name,
                              __OW_NAMESPACE=context.namespace)
        if request.is_event:
            args = decode(str(request.body, "utf-8")) if request.body else {}
            if not isinstance(args, dict):
                args = {"value": args}
        else:
            args = params(request)
        result = self._func(args, context) if self._with_context else self._func(args)
        if not isinstance(result, (dict, list, tuple)):
            raise Fault("bad_response", "Runtime.MalformedResponse",
                        "The action did not return a dictionary.")
        whole = http_json(result)
        note_error(request.call, result)
        if request.is_event:
            return 200, [_JSON], whole
        return answer(result)

    def crashed(self, request, exc):
        message = str(exc) if isinstance(exc, Fault) else (
            "An error has occurred while invoking the action (see logs for details): %s" % exc)
        return 502, [_JSON], json.dumps({"error": message}).encode()


def note_error(call, result):
    """Record that an action says that it failed."""
    error = result.get("error") if isinstance(result, dict) else None
    if error is None:
        return
    message = error if isinstance(error, str) else str(http_json(error), "utf-8")
    failure = Failure(Fault("exception", "ApplicationError", message), call.request_id)
    call.failure = failure.as_dict()


def params(request):
    """Query and body merged, and what is known of the request beside them."""
    args = {}

    def put(name, value):
        if not name.startswith(_RESERVED):
            args[name] = value

    for name, value in parse_qsl(request.query, keep_blank_values=True):
        put(name, value)
    headers = {name: value for name, value in request.headers.items()
               if name != "traceparent" or not request.head.get("trace")}
    headers.update(payload.added(request.head, headers))
    kind, body = headers.get("content-type", ""), request.body
    media, whole = kind.partition(";")[0].strip().lower(), True
    if payload.is_form(kind):
        whole = False
        for name, value in parse_qsl(str(body, "utf-8", "replace"), keep_blank_values=True):
            put(name, value)
    elif media == "application/json":
        value = _object(body)
        whole = value is None
        for name, member in (value or {}).items():
            put(name, member)
    args["__ow_method"] = request.method.lower()
    args["__ow_headers"] = headers
    args["__ow_path"] = "" if request.path == "/" else request.path
    if whole and body:
        plain = headers.get("content-encoding", "identity") == "identity"
        args["__ow_body"] = payload.body_of(
            body, plain and (not kind or payload.is_text(kind) or payload.is_form(kind)))[0]
    return args


def _object(body):
    try:
        value = decode(str(body, "utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def answer(result):
    """Status, headers and body that an action's result means."""
    error = result.get("error") if isinstance(result, dict) else None
    if error is None:
        return _web(result, result if isinstance(result, dict) else {}, 200)
    return _web({"error": error}, error if isinstance(error, dict) else {}, 400)


def _web(whole, members, usual):
    body = members.get("body")
    if body is None and members.get("statusCode") is None and members.get("headers") is None:
        return usual, [_JSON], http_json(whole)
    status = 204 if body is None and usual == 200 else usual
    if members.get("statusCode") is not None:
        status = payload.whole_status(members["statusCode"])
    given = members.get("headers") or {}
    if not isinstance(given, dict):
        raise payload.bad("headers must be an object, got %s", type(given).__name__)
    headers = []
    for name, values in given.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if value is not None:
                headers.append(list(payload.header(name, value)))
    if body is None:
        return status, headers, b""
    return _with_body(status, headers, body)


def _with_body(status, headers, body):
    kinds = [value for name, value in headers if name == "content-type"]
    if not isinstance(body, str):
        if not kinds:
            headers.append(_JSON)
        return status, headers, http_json(body)
    if not kinds:
        headers.append(["content-type", "text/html; charset=utf-8"])
    data = body.encode("utf-8")
    if kinds and not payload.is_text(kinds[0]) and not payload.is_form(kinds[0]):
        try:
            data = b64decode("".join(body.split()), validate=True)
        except (Base64Error, ValueError):
            pass
    return status, headers, data
