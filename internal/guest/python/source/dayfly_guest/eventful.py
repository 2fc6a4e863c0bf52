# SPDX-License-Identifier: Apache-2.0
"""The dialects cloudevent, event and typed: functions for functions-framework that take
no HTTP request, without the package.

    cloudevent   f(event), one CloudEvent; an event that it returns is the answer
    event        f(data, context), a background event
    typed        f(value), value made by its type's from_dict
"""
import json
import time

from . import background, cloudevent
from .plain import TEXT, Plain, note

_OK = (200, [["content-type", TEXT]], b"OK")
_CRASH = (500, [["content-type", "text/plain; charset=utf-8"], ["x-google-status", "crash"]],
          b"Internal Server Error")


def event_class():
    """The class that functions know events by: the package's, when it is there."""
    try:
        from cloudevents.http import CloudEvent
    except ImportError:
        return cloudevent.CloudEvent
    return CloudEvent


def _bad(message):
    return 400, [["content-type", "text/plain; charset=utf-8"]], message.encode()


def _batched(body):
    """The CloudEvents of a batch."""
    values = json.loads(body)
    if not isinstance(values, list) or len(values) > cloudevent.EVENTS_MAX:
        raise ValueError("a batch is a list of at most %d events" % cloudevent.EVENTS_MAX)
    return [cloudevent.from_dict(value) for value in values]


def _each(take, events, call):
    """What take gave for each event, and the events that it failed for. When it failed for
    all, the last failure is the call's."""
    results, failed = [], []
    for event in events:
        try:
            results.append(take(event))
        except Exception as exc:
            failed.append(event)
            if len(failed) == len(events):
                raise
            note(call, exc)
            call.failure = None  # the answer tells of it
    return results, failed


def _partly(ids):
    """The answer that says which events of a batch must come again."""
    told = {"batchItemFailures": [{"itemIdentifier": name} for name in ids]}
    return 207, [["content-type", "application/json"]], json.dumps(told).encode()


def _now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class _Eventful(Plain):
    """What they have in common."""

    def __init__(self, func):
        self._func = func

    def crashed(self, request, exc):
        return _CRASH

    def respond(self, request):
        if request.method == "OPTIONS":
            return allowed(request.headers)
        if request.method != "POST":
            return 405, [["allow", "POST, OPTIONS"], ["content-type", TEXT]], b"Method Not Allowed"
        return self.take(request)


def allowed(headers):
    """The answer to whoever asks whether events may be sent here: CloudEvents' protection
    against abuse of webhooks."""
    origin = headers.get("webhook-request-origin")
    answer = [["allow", "POST, OPTIONS"]]
    if origin:
        answer += [["webhook-allowed-origin", origin],
                   ["webhook-allowed-rate", headers.get("webhook-request-rate") or "*"]]
    return 200, answer, b""


class Events(_Eventful):
    """The cloudevent dialect."""

    def __init__(self, func):
        _Eventful.__init__(self, func)
        self._class = event_class()

    def take(self, request):
        headers = request.headers
        if cloudevent.is_batch(headers):
            return self._batch(request)
        if headers.get("content-type", "").lower().startswith("application/cloudevents") and (
                not headers["content-type"].lower().startswith(cloudevent.STRUCTURED)):
            return 415, [["content-type", TEXT]], b"Unsupported Media Type"
        try:
            event = self._read(request, headers)
        except (cloudevent.GenericException, background.NotConvertible) as exc:
            return _bad("Bad Request: " + str(exc))
        result = self._func(event)
        if cloudevent.parts(result) is None:
            return _OK
        answer, body = cloudevent.to_binary(result)
        return 200, answer.items(), body

    def _read(self, request, headers):
        try:
            event = cloudevent.from_http(headers, request.body)
        except cloudevent.GenericException as exc:
            if cloudevent.is_binary(headers) or cloudevent.is_structured(headers):
                raise
            try:
                value = json.loads(request.body)
                data, context, domain = background.read(value, request.path, _now())
                event = background.to_cloudevent(data, context, domain)
            except ValueError as second:
                raise background.NotConvertible("%s; as a background event: %s"
                                                % (exc, second)) from None
        return self._own(event)

    def _own(self, event):
        if self._class is cloudevent.CloudEvent:
            return event
        attributes, data = cloudevent.parts(event)
        return self._class(attributes, data)

    def _batch(self, request):
        try:
            events = [self._own(event) for event in _batched(request.body)]
        except (ValueError, cloudevent.GenericException) as exc:
            return _bad("Bad Request: " + str(exc))
        results, failed = _each(self._func, events, request.call)
        if failed:
            return _partly([cloudevent.parts(event)[0]["id"] for event in failed])
        made = [cloudevent.to_dict(r) for r in results if cloudevent.parts(r) is not None]
        if not made:
            return _OK
        return 200, [["content-type", cloudevent.BATCH]], json.dumps(made).encode()


class Background(_Eventful):
    """The event dialect."""

    def take(self, request):
        headers = request.headers
        if cloudevent.is_batch(headers):
            return self._batch(request)
        try:
            if cloudevent.is_binary(headers) or cloudevent.is_structured(headers):
                event = cloudevent.from_http(headers, request.body)
                data, context = self._of(event)
            else:
                value = json.loads(request.body)
                if isinstance(value, dict) and "specversion" in value:
                    data, context = self._of(cloudevent.from_dict(value))
                else:
                    data, fields, _ = background.read(value, request.path, _now())
                    context = background.Context(**fields)
        except (ValueError, cloudevent.GenericException) as exc:
            return _bad("Bad Request: " + str(exc))
        self._func(data, context)
        return _OK

    def _batch(self, request):
        try:
            pairs = [self._of(event) for event in _batched(request.body)]
        except (ValueError, cloudevent.GenericException) as exc:
            return _bad("Bad Request: " + str(exc))
        _, failed = _each(lambda pair: self._func(*pair), pairs, request.call)
        return _partly([context.event_id for _, context in failed]) if failed else _OK

    @staticmethod
    def _of(event):
        try:
            return background.of_cloudevent(event)
        except background.NotConvertible:
            # Not of Google's: the attributes say the same in other words.
            attributes, data = cloudevent.parts(event)
            return data, background.Context(attributes["id"], attributes.get("time") or "",
                                            attributes["type"], attributes["source"])


class Typed(Plain):
    """The typed dialect."""

    def __init__(self, func, given):
        self._func = func
        self._type = given if given is not None else _annotated(func)

    def crashed(self, request, exc):
        return _CRASH

    def respond(self, request):
        try:
            value = json.loads(request.body)
        except ValueError as exc:
            return _bad("Bad Request: the body is not JSON: %s" % exc)
        try:
            value = self._type.from_dict(value) if self._type is not None else value
        except Exception as exc:
            note(request.call, exc)
            request.call.failure = None  # the caller's fault
            return _bad("Bad Request: the body is no %s: %s" % (self._type.__name__, exc))
        result = self._func(value)
        if result is None:
            return 200, [["content-type", TEXT]], b""
        if hasattr(result, "to_dict"):
            return (200, [["content-type", "application/json"]],
                    json.dumps(result.to_dict()).encode())
        from .framework import respond

        return respond(result)


def _annotated(func):
    """The type that the parameter of func is annotated with, when it can be made of JSON."""
    import typing

    try:
        hints = typing.get_type_hints(func)
    except Exception:
        hints = dict(getattr(func, "__annotations__", {}))
    for name, kind in hints.items():
        if name != "return" and hasattr(kind, "from_dict"):
            return kind
    return None
