# SPDX-License-Identifier: Apache-2.0
"""Before the application of functions-framework: CloudEvents' question whether a sender
may send, and batches, which become a call each."""
import io
import json

from . import cloudevent, eventful


class Gate:
    """A WSGI application around another."""

    def __init__(self, app):
        self._app = app

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "OPTIONS":
            headers = {name[5:].replace("_", "-").lower(): value
                       for name, value in environ.items() if name.startswith("HTTP_")}
            _, answer, body = eventful.allowed(headers)
            start_response("200 OK", [tuple(pair) for pair in answer])
            return [body]
        kind = environ.get("CONTENT_TYPE", "")
        if cloudevent.is_batch({"content-type": kind}):
            return self._batch(environ, start_response)
        return self._app(environ, start_response)

    def _batch(self, environ, start_response):
        try:
            values = json.loads(environ["wsgi.input"].read())
        except ValueError:
            values = None
        if not isinstance(values, list) or len(values) > cloudevent.EVENTS_MAX:
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Bad Request: a batch is a list of at most %d events" % cloudevent.EVENTS_MAX]
        for value in values:
            told = []
            body = json.dumps(value).encode()
            one = dict(environ, CONTENT_TYPE=cloudevent.STRUCTURED, CONTENT_LENGTH=str(len(body)))
            one["wsgi.input"] = io.BytesIO(body)
            answer = self._app(one, lambda status, headers, exc_info=None: told.append(
                (status, headers)))
            pieces = list(answer)
            getattr(answer, "close", bool)()
            if not told[-1][0].startswith("2"):
                start_response(*told[-1])
                return pieces
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [b"OK"]
