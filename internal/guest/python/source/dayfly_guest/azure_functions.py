# SPDX-License-Identifier: Apache-2.0
"""Stands in for azure.functions where that is not installed: HTTP functions of both
programming models. Other triggers may be declared, and are not called."""
import enum
import json

from .request import Headers, MultiDict, pairs_of

__all__ = ["AuthLevel", "HttpMethod", "HttpRequest", "HttpResponse", "Context", "Out",
           "FunctionApp", "Blueprint", "TimerRequest", "QueueMessage", "InputStream",
           "EventGridEvent", "ServiceBusMessage"]


class AuthLevel(enum.Enum):
    """Who may call a function; the gateway decides that here."""

    FUNCTION = "function"
    ANONYMOUS = "anonymous"
    ADMIN = "admin"


class HttpMethod(enum.Enum):
    """Methods by name."""

    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"
    HEAD = "HEAD"
    PATCH = "PATCH"
    PUT = "PUT"
    OPTIONS = "OPTIONS"


class HttpRequest:
    """One request."""

    def __init__(self, method, url, *, headers=None, params=None, route_params=None, body):
        self.method = method
        self.url = url
        self.headers = Headers.of_pairs((headers or {}).items())
        self.params = params or {}
        self.route_params = route_params or {}
        self._body = body
        self._form = None

    def get_body(self):
        """The body."""
        return self._body

    def get_json(self):
        """The body as JSON; ValueError when it is none."""
        return json.loads(self._body.decode("utf-8"))

    @property
    def form(self):
        """The fields of an urlencoded body."""
        if self._form is None:
            kind = self.headers.get("content-type", "")
            is_form = kind.startswith("application/x-www-form-urlencoded")
            self._form = MultiDict(pairs_of(self._body.decode("utf-8", "replace"))
                                   if is_form else ())
        return self._form


class HttpResponse:
    """One answer."""

    mimetype = "text/plain"
    charset = "utf-8"

    def __init__(self, body=None, *, status_code=None, headers=None, mimetype=None, charset=None):
        self.status_code = 200 if status_code is None else int(status_code)
        self.mimetype = mimetype or HttpResponse.mimetype
        self.charset = charset or HttpResponse.charset
        self.headers = Headers.of_pairs((headers or {}).items())
        if isinstance(body, str):
            body = body.encode(self.charset)
        elif body is not None and not isinstance(body, (bytes, bytearray)):
            raise TypeError("response is expected to be either of str, bytes, or bytearray, "
                            "got %s" % type(body).__name__)
        self._body = bytes(body or b"")

    def get_body(self):
        """The body."""
        return self._body


class Context:
    """What is known of an invocation; the guest fills it in."""


class Out:
    """An output of a function beside what it returns."""

    def __init__(self):
        self._value = None

    def set(self, val):
        """Give the value."""
        self._value = val

    def get(self):
        """The value that was given, or None."""
        return self._value


class TimerRequest:
    """The argument of timer functions."""

    past_due = False


class QueueMessage:
    """The argument of queue functions."""


class InputStream:
    """The argument of blob functions."""


class EventGridEvent:
    """The argument of Event Grid functions."""


class ServiceBusMessage:
    """The argument of service bus functions."""


class _Trigger:
    def __init__(self, name, route, methods):
        self.name = name
        self.route = route
        self.methods = methods

    @staticmethod
    def get_binding_name():
        """What triggers."""
        return "httpTrigger"


class _Function:
    """What decorators gather about one function."""

    def __init__(self, func):
        self._func = func
        self._name = func.__name__
        self._trigger = None

    def get_user_function(self):
        """The function itself."""
        return self._func

    def get_function_name(self):
        """Its name."""
        return self._name

    def get_trigger(self):
        """What triggers it; None for what is not HTTP."""
        return self._trigger


class Blueprint:
    """Functions of one module."""

    def __init__(self, http_auth_level=AuthLevel.FUNCTION):
        self.functions = []

    def _decorate(self, note):
        def decorator(value):
            function = value if isinstance(value, _Function) else _Function(value)
            note(function)
            if function not in self.functions:
                self.functions.append(function)
            return function

        return decorator

    def function_name(self, name):
        """Name the function otherwise than its def."""
        return self._decorate(lambda function: setattr(function, "_name", name))

    def route(self, route=None, trigger_arg_name="req", binding_arg_name="$return",
              methods=None, auth_level=None, **_):
        """Call the function for HTTP requests to a route."""
        names = [getattr(m, "value", m).upper() for m in methods or ()]
        trigger = _Trigger(trigger_arg_name, route, names or None)
        return self._decorate(lambda function: setattr(function, "_trigger", trigger))

    def register_functions(self, other):
        """Take over the functions of a blueprint."""
        self.functions += other.functions

    register_blueprint = register_functions

    def get_functions(self):
        """The functions."""
        return list(self.functions)

    def __getattr__(self, name):
        # timer_trigger, queue_output and all the others.
        if name.endswith(("_trigger", "_input", "_output", "schedule", "retry")):
            return lambda *_args, **_options: self._decorate(lambda function: None)
        raise AttributeError("azure.functions is not installed, and what stands in for it has "
                             "no %s: add azure-functions to requirements.txt" % name)


class FunctionApp(Blueprint):
    """All functions of an application."""
