# SPDX-License-Identifier: Apache-2.0
"""What the dialects of whole HTTP requests have in common: a request is read in full,
respond(request) gives status, headers and body, and these are sent."""
from . import payload
from .calls import Cancelled
from .failure import Failure, Fault, leave

_EVENT_HEADERS = (("content-type", "application/json"),)
TEXT = "text/html; charset=utf-8"


class Incoming:
    """One request. Header names are in lower case."""

    __slots__ = ("call", "head", "method", "path", "query", "pairs", "body")

    def __init__(self, call):
        head = call.head
        if head.get("kind") == "event":
            head = {"method": "POST", "path": "/", "headers": _EVENT_HEADERS}
        self.call = call
        self.head = head
        self.method = head["method"]
        self.path = head.get("path", "/")
        self.query = head.get("query", "")
        self.pairs = [(name, value) for name, value in head.get("headers", ())]
        if head.get("host") and not any(name == "host" for name, _ in self.pairs):
            self.pairs.insert(0, ("host", head["host"]))
        self.body = call.read_all()

    @property
    def headers(self):
        """Headers by name; those of one name are joined."""
        joined = {}
        for name, value in self.pairs:
            if name in joined:
                joined[name] += ("; " if name == "cookie" else ",") + value
            else:
                joined[name] = value
        return joined

    @property
    def is_event(self):
        """Whether the caller gave an event rather than a request."""
        return self.call.head.get("kind") == "event"

    @property
    def url(self):
        """The URL, as functions that know no prefix are to believe it is."""
        return "%s://%s%s%s" % (
            self.head.get("scheme", "http"), self.head.get("host") or "localhost", self.path,
            "?" + self.query if self.query else "")


def note(call, exc):
    """Log an exception of a function and note it for the response head."""
    failure = Failure(exc, call.request_id)
    call.server.logs.write(2, failure.log())
    call.failure = failure.as_dict()


class Plain:
    """Serves calls by respond, which subclasses have; crashed gives what a caller gets
    when that raises."""

    def respond(self, request):
        """Give status, headers (pairs) and body of the answer to a request."""
        raise NotImplementedError

    def crashed(self, request, exc):
        """The answer when respond raised."""
        return 500, [["content-type", "text/plain; charset=utf-8"]], b"Internal Server Error"

    def serve(self, call):
        """Answer one call; never raises, but for what ends the process."""
        request = None
        try:
            request = Incoming(call)
            self.send(call, self.respond(request))
        except Cancelled:
            pass
        except SystemExit as exc:
            leave(exc, call.server.logs, call)
        except BaseException as exc:
            note(call, exc)
            if not call.started:
                self._last(call, request, exc)
            elif not call.done:
                call.fail(Failure(exc, call.request_id).frame())
        finally:
            call.finish()

    def _last(self, call, request, exc):
        try:
            self.send(call, self.crashed(request, exc))
        except Cancelled:
            pass
        except Exception as second:
            call.fail(Failure(second, call.request_id).frame())

    def send(self, call, answer):
        """Send an answer; its body may be an iterator of pieces."""
        status, headers, body = answer
        headers = [list(payload.header(name, value)) for name, value in headers]
        headers = [pair for pair in headers if pair[0] not in payload.DROPPED]
        if not 200 <= status <= 599:
            raise Fault("bad_response", "Runtime.MalformedResponse",
                        "status is %d: it must be from 200 to 599" % status)
        if call.head.get("method") == "HEAD":
            body = b""
        if isinstance(body, (bytes, bytearray)):
            call.answer(call.head_json(status, headers), bytes(body))
        else:
            payload.stream(call, status, headers, body)
