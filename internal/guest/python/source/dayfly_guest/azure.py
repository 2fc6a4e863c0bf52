# SPDX-License-Identifier: Apache-2.0
"""The azure dialect: HTTP functions of Azure, of both programming models.

    v2   function_app.py: app = func.FunctionApp(), @app.route(...)
    v1   NAME/function.json, NAME/__init__.py: main(req)
"""
import importlib
import json
import os
import re
import threading
import types
from types import CoroutineType

from . import load
from .azure_functions import Out
from .failure import Fault
from .framework import unquoted
from .plain import Plain
from .request import pairs_of

_JSON_MAX = 1 << 20
_parameter = re.compile(r"\{(\*{0,2})(\w+)((?::[\w()., ]+)*)(?:=([^}?]*))?(\?)?\}")
_CHECKS = {
    "int": re.compile(r"-?\d+").fullmatch, "long": re.compile(r"-?\d+").fullmatch,
    "alpha": re.compile(r"[A-Za-z]+").fullmatch,
    "bool": re.compile(r"(?i:true|false)").fullmatch,
    "guid": re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}").fullmatch,
    "decimal": re.compile(r"-?\d+(?:\.\d+)?").fullmatch,
    "float": re.compile(r"-?\d+(?:\.\d+)?").fullmatch,
    "double": re.compile(r"-?\d+(?:\.\d+)?").fullmatch,
}


class Route:
    """A route template, such as items/{id:int?}."""

    def __init__(self, template):
        self._checks = []
        pieces, at = [], 0
        for part in template.strip("/").split("/"):
            pieces.append(self._part(part))
        # Literals come before parameters, whatever their order in the source.
        self.rank = [0 if "{" not in part else 2 if "{*" in part else 1
                     for part in template.strip("/").split("/")]
        self._match = re.compile("".join(pieces) + "/?", re.IGNORECASE).fullmatch

    def _part(self, part):
        out, at, optional = "", 0, False
        for match in _parameter.finditer(part):
            star, name, checks, default, question = match.groups()
            out += re.escape(part[at : match.start()])
            at = match.end()
            whole = match.start() == 0 and at == len(part)
            optional = whole and (star or question or default is not None)
            out += "(?P<%s>%s)" % (name, ".*" if star else "[^/]+")
            self._checks.append((name, checks.strip(":").split(":") if checks else (), default))
        out += re.escape(part[at:])
        return "(?:/%s)?" % out if optional else "/" + out if part else ""

    def match(self, path):
        """The parameters of a path, or None."""
        found = self._match(path)
        if found is None:
            return None
        params = {}
        for name, checks, default in self._checks:
            value = found.group(name)
            if value is None:
                if default is not None:
                    params[name] = default
                continue
            for check in checks:
                known = _CHECKS.get(check.partition("(")[0].strip())
                if known is not None and not known(value):
                    return None
            params[name] = unquoted(value)
        return params


class Context:
    """What a function is told of its invocation."""

    def __init__(self, name, call, directory):
        self.invocation_id = call.request_id
        self.function_name = name
        self.function_directory = directory
        trace = call.head.get("trace") or ""
        self.trace_context = types.SimpleNamespace(trace_parent=trace, Traceparent=trace,
                                                   trace_state="", Tracestate="", attributes={})
        self.retry_context = None
        self.thread_local_storage = threading.local()


class _Function:
    """One HTTP function."""

    def __init__(self, name, func, route, methods, names):
        self.name = name
        self.func = func
        self.route = Route(route)
        self.methods = methods
        self.request_name, self.outputs, self.directory = names

    def arguments(self, request, context):
        """What the function is called with, and its outputs."""
        outs, given = {}, {self.request_name: request}
        for name in load.parameters(self.func):
            if name == "context":
                given[name] = context
            elif name != self.request_name and name in self.outputs:
                given[name] = outs[name] = Out()
        return given, outs


def _read_json(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            value = json.loads(file.read(_JSON_MAX))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as exc:
        raise Fault("init", "Runtime.InvalidConfiguration",
                    "%s is not JSON: %s" % (os.path.basename(path), exc)) from None
    return value if isinstance(value, dict) else {}


def _prefix(task):
    host = _read_json(os.path.join(task, "host.json"))
    http = (host.get("extensions") or {}).get("http") or host.get("http") or {}
    return (http.get("routePrefix", "api") or "").strip("/")


def functions_v2(app):
    """The HTTP functions that an application registered."""
    found = []
    for function in app.get_functions():
        trigger = function.get_trigger()
        if trigger is None or str(trigger.get_binding_name()).lower() != "httptrigger":
            continue
        name = function.get_function_name()
        methods = [getattr(m, "value", m).upper() for m in getattr(trigger, "methods", None) or ()]
        route = getattr(trigger, "route", None)
        found.append(_Function(name, function.get_user_function(),
                               name if route is None else route, methods or None,
                               (trigger.name, (), "")))
    return found


def functions_v1(task):
    """The HTTP functions that function.json files declare."""
    found = []
    for name in sorted(os.listdir(task)):
        folder = os.path.join(task, name)
        declared = _read_json(os.path.join(folder, "function.json"))
        if not declared or declared.get("disabled") is True:
            continue
        bindings = [b for b in declared.get("bindings") or () if isinstance(b, dict)]
        trigger = next((b for b in bindings
                        if str(b.get("type")).lower() == "httptrigger"), None)
        if trigger is None:
            continue
        script = declared.get("scriptFile") or "__init__.py"
        module = os.path.normpath(os.path.join(name, script))[: -len(".py")]
        module = module.replace("/__init__", "").replace("/", ".")
        func, _ = load.find(load.load_module(module), declared.get("entryPoint") or "main", module)
        methods = [str(m).upper() for m in trigger.get("methods") or ()]
        outputs = [b.get("name") for b in bindings if b.get("direction") == "out"]
        found.append(_Function(name, func, trigger.get("route") or name, methods or None,
                               (trigger.get("name", "req"), outputs, folder)))
    return found


class Azure(Plain):
    """Serves calls with the functions of one application."""

    def __init__(self, app, task):
        functions = functions_v1(task) if app is None else functions_v2(app)
        if not functions:
            raise Fault("init", "Runtime.HandlerNotFound",
                        "the application has no function with an HTTP trigger")
        self._functions = sorted(functions, key=lambda f: f.route.rank)
        prefix = _prefix(task)
        self._prefix = "/" + prefix if prefix else ""
        self._loops = threading.local()
        self._package = importlib.import_module("azure.functions")

    def respond(self, request):
        path = request.path
        if request.is_event:
            path = self._prefix + "/" + self._functions[0].name
        if path[: len(self._prefix)].lower() != self._prefix.lower():
            return 404, [], b""
        path = path[len(self._prefix) :] or "/"
        for function in self._functions:
            params = function.route.match(path)
            if request.is_event and function is self._functions[0]:
                params = params or {}
            if params is not None and (not function.methods or request.is_event
                                       or request.method in function.methods):
                return self._call(function, request, params)
        return 404, [], b""

    def crashed(self, request, exc):
        return 500, [], b""

    def _call(self, function, request, params):
        req = self._package.HttpRequest(
            request.method, request.url, headers=request.headers,
            params=dict(_first(pairs_of(request.query))), route_params=params, body=request.body)
        context = Context(function.name, request.call, function.directory)
        given, outs = function.arguments(req, context)
        result = function.func(**given)
        if isinstance(result, CoroutineType):
            result = self._loop().run_until_complete(result)
        if result is None:
            result = next((out.get() for out in outs.values() if out.get() is not None), None)
        return _answer(result)

    def _loop(self):
        loop = getattr(self._loops, "loop", None)
        if loop is None or loop.is_closed():
            import asyncio

            loop = self._loops.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
        return loop


def _first(pairs):
    seen = {}
    for name, value in pairs:
        seen.setdefault(name, value)
    return seen


def _answer(result):
    """Status, headers and body that a function's result means."""
    if result is None:
        return 204, [], b""
    if isinstance(result, str):
        return 200, [["content-type", "text/plain; charset=utf-8"]], result.encode("utf-8")
    if isinstance(result, (bytes, bytearray)):
        return 200, [["content-type", "application/octet-stream"]], bytes(result)
    if not hasattr(result, "get_body"):
        raise Fault("bad_response", "Runtime.MalformedResponse", "the function returned a %s: it "
                    "must be an HttpResponse or a str" % type(result).__name__)
    headers = [(str(k), str(v)) for k, v in result.headers.items()]
    if not any(name.lower() == "content-type" for name, _ in headers) and result.mimetype:
        kind = result.mimetype
        if kind.startswith("text/") and "charset" not in kind:
            kind += "; charset=" + result.charset
        headers.append(("content-type", kind))
    return int(result.status_code), headers, result.get_body() or b""
