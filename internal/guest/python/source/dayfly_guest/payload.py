# SPDX-License-Identifier: Apache-2.0
"""HTTP as Lambda sees it: payload format 2.0 in, its answers out. gateways has the others."""
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from time import gmtime
from urllib.parse import parse_qsl

from .calls import Cancelled, encode
from .failure import Fault, report
from .marshal_json import http_json
from .route import take

JSON_HEAD = b'{"status":200,"headers":[["content-type","application/json"]]}'
STREAM_HEADERS = [["content-type", "application/octet-stream"]]

_JSON_HEADER = ["content-type", "application/json"]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TEXT_TYPES = frozenset(("application/json", "application/javascript", "application/xml"))
_KNOWN_KEYS = frozenset(("statusCode", "headers", "body", "cookies", "isBase64Encoded"))
_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_forbidden = re.compile(r"[\r\n\0]").search
_space = re.compile(r"\s+")
_digits = re.compile(r"[0-9]+").fullmatch
# The length is known better here, the others belong to one connection.
DROPPED = frozenset(("content-length", "connection", "keep-alive", "transfer-encoding",
                      "upgrade", "te", "trailer", "proxy-connection"))


def is_text(content_type):
    """Whether a body of this type is handed over as text rather than base64."""
    kind = content_type.partition(";")[0].strip().lower()
    return (kind.startswith("text/") or kind in _TEXT_TYPES
            or kind.endswith("+json") or kind.endswith("+xml"))


def is_form(content_type):
    """Whether a body of this type holds the fields of a form."""
    return content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def xray(trace):
    """A W3C traceparent in X-Ray's spelling; "" when it is none."""
    parts = trace.split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or not parts[3]:
        return ""
    return "Root=1-%s-%s;Parent=%s;Sampled=%d" % (
        parts[1][:8], parts[1][8:], parts[2], 1 if parts[3][-1:] in "13579bdf" else 0)


class Clock:
    """Spells times as access logs do, and remembers the last."""

    def __init__(self):
        self._second = None  # the last second that was spelled out, and its spelling
        self._time = ""

    def spell(self, second):
        """A second since the epoch as 04/Mar/2020:19:03:58 +0000."""
        if second != self._second:
            t = gmtime(second)
            self._time = "%02d/%s/%d:%02d:%02d:%02d +0000" % (
                t[2], _MONTHS[t[1] - 1], t[0], t[3], t[4], t[5])
            self._second = second
        return self._time


def domain_of(host):
    """A host without its port."""
    return host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host


class Events:
    """Payload format 2.0: builds the events of one revision, and reads its answers."""

    def __init__(self, spec):
        self._api = spec.get("function", "")
        self._clock = Clock()

    def answer(self, result):
        """What a handler returned, as response head (JSON bytes) and body."""
        return http_answer(result)

    def head(self, result):
        """Status and headers of an answer object."""
        return head_of(result)

    def http(self, head, body):
        """The event of an HTTP request."""
        headers, cookies = _headers(head)
        route = take(headers)
        key = route.key if route and route.key else "$default"
        host = head.get("host", "")
        domain = domain_of(host)
        path = head.get("path", "/")
        query = head.get("query", "")
        epoch = head.get("received_ms", 0)
        event = {"version": "2.0", "routeKey": key, "rawPath": path,
                 "rawQueryString": query}
        if cookies:
            event["cookies"] = cookies
        event["headers"] = headers
        if query:
            event["queryStringParameters"] = _query(query)
        if route and route.params:
            event["pathParameters"] = route.params
        event["requestContext"] = {
            "accountId": "anonymous",
            "apiId": self._api,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {"method": head.get("method", ""), "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": head.get("remote", ""),
                     "userAgent": headers.get("user-agent", "")},
            "requestId": head.get("id", ""),
            "routeKey": key,
            "stage": "$default",
            "time": self._clock.spell(epoch // 1000),
            "timeEpoch": epoch,
        }
        if route and route.principal:
            event["requestContext"]["authorizer"] = route.authorizer2()
        encoded = False
        if body:
            event["body"], encoded = _body(headers, body)
        event["isBase64Encoded"] = encoded
        return event


def _headers(head):
    headers, cookies = {}, []
    for name, value in head.get("headers", ()):
        if name == "cookie":
            cookies += [c for c in value.split("; ") if c]
        elif name in headers:
            headers[name] += "," + value
        else:
            headers[name] = value
    headers.update(added(head, headers))
    return headers, cookies


def added(head, present):
    """The headers that gateways add where the client or a proxy did not."""
    host = head.get("host", "")
    scheme = head.get("scheme", "http")
    more = {}
    if host and "host" not in present:
        more["host"] = host
    if "x-forwarded-for" not in present and head.get("remote"):
        more["x-forwarded-for"] = head["remote"]
    if "x-forwarded-proto" not in present:
        more["x-forwarded-proto"] = scheme
    if "x-forwarded-port" not in present:
        port = host.rpartition(":")[2]
        more["x-forwarded-port"] = port if port.isdigit() and ":" in host else (
            "443" if scheme == "https" else "80")
    if head.get("prefix") and "x-forwarded-prefix" not in present:
        more["x-forwarded-prefix"] = head["prefix"]
    trace = head.get("trace")
    if trace:
        more["traceparent"] = trace
        if "x-amzn-trace-id" not in present and xray(trace):
            more["x-amzn-trace-id"] = xray(trace)
    return more


def _query(query):
    values = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values[name] = values[name] + "," + value if name in values else value
    return values


def _body(headers, body):
    return body_of(body, is_text(headers.get("content-type", "")) and headers.get(
        "content-encoding", "identity") == "identity")


def body_of(body, textual):
    """A body as it stands in an event: as it is when it may be text and is, else base64;
    and which of the two."""
    if textual:
        try:
            return str(body, "utf-8"), False
        except UnicodeDecodeError:
            pass
    return b64encode(body).decode("ascii"), True


def bad(message, *args):
    """The fault of a malformed answer."""
    return Fault("bad_response", "Runtime.MalformedResponse", message % args)


def head_of(result):
    """Status and headers of an answer object."""
    status = whole_status(result["statusCode"])
    headers = []
    typed = False
    given = result.get("headers")
    if "multiValueHeaders" in result:
        from . import gateways

        headers = gateways.merged(result)
        typed = any(name == "content-type" for name, _ in headers)
    elif given is not None:
        if not isinstance(given, dict):
            raise bad("headers is a %s: it must be an object", type(given).__name__)
        for name, value in given.items():
            if value is None:
                continue
            name, value = header(name, value)
            if name == "content-type":
                typed = True
            if name not in DROPPED:
                headers.append([name, value])
    if not typed:
        headers.append(["content-type", "application/json"])
    cookies = result.get("cookies")
    if cookies is not None:
        if not isinstance(cookies, (list, tuple)):
            raise bad("cookies is a %s: it must be a list", type(cookies).__name__)
        headers += [list(header("set-cookie", value)) for value in cookies if value is not None]
    return status, headers


def whole_status(status):
    """A status as a number that HTTP can carry."""
    if type(status) is not int:
        status = _number(status)
    if not 200 <= status <= 599:
        raise bad("statusCode is %d: it must be from 200 to 599", status)
    return status


def _number(status):
    if isinstance(status, bool) or not isinstance(status, (int, float, str)):
        raise bad("statusCode is a %s: it must be a number", type(status).__name__)
    if isinstance(status, str) and not _digits(status):
        raise bad("statusCode is %.100r: it must be a whole number", status)
    try:
        number = int(status)
        if number == float(status):
            return number
    except (ValueError, OverflowError):
        pass
    raise bad("statusCode is %.100r: it must be a whole number", status)


def header(name, value):
    """A header as lower-case name and text, checked."""
    if not isinstance(name, str) or not _token(name):
        raise bad("header name %.100r is not valid", name)
    if not isinstance(value, str):
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, bytes):
            value = str(value, "utf-8", "replace")
        elif value is None:
            value = ""
        elif isinstance(value, (list, tuple, dict, set)):
            raise bad("header %s is a %s: it must be a string", name, type(value).__name__)
        else:
            value = str(value)
    if _forbidden(value):
        raise bad("header %s holds a line break", name)
    return name.lower(), value


def http_answer(result):
    """What a handler returned, as response head (JSON bytes) and body."""
    if isinstance(result, dict) and "statusCode" in result:
        return _object(result)
    if isinstance(result, str):
        try:
            return JSON_HEAD, result.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise Fault("bad_response", "Runtime.MarshalError",
                        "Unable to marshal response: %s" % exc) from None
    if isinstance(result, (bytes, bytearray, memoryview)):
        return encode({"status": 200, "headers": STREAM_HEADERS}).encode(), bytes(result)
    return JSON_HEAD, http_json(result)


def _object(result):
    if len(result) > 1 and not _KNOWN_KEYS.issuperset(result):
        # Whatever else it holds must be JSON, as it is on its way through Lambda.
        http_json({k: v for k, v in result.items() if k not in _KNOWN_KEYS})
    status, headers = head_of(result)
    body = result.get("body")
    if type(body) is not str:
        if body is None:
            body = ""
        elif isinstance(body, bytes):
            body = _utf8(body)
        elif not isinstance(body, str):
            body = str(http_json(body), "utf-8")
    try:
        if result.get("isBase64Encoded") is True:
            data = unbase64(body)
        else:
            data = body.encode("utf-8")
    except (Base64Error, ValueError) as exc:
        raise bad("body cannot be decoded: %s", exc) from None
    if len(headers) == 1 and headers[0] == _JSON_HEADER:
        return b'{"status":%d,"headers":[["content-type","application/json"]]}' % status, data
    return encode({"status": status, "headers": headers}).encode(), data


def unbase64(text):
    """The bytes of a text in base64; ValueError when it is none."""
    packed = _space.sub("", text)
    if len(packed) % 4:
        raise ValueError("its length is no multiple of 4")
    return b64decode(packed, validate=True)


def _utf8(body):
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as exc:
        raise Fault("bad_response", "Runtime.MarshalError",
                    "Unable to marshal response: %s" % exc) from None


def streams(result):
    """Whether a result is a generator or another iterator: our extension, its
    pieces are sent as they come."""
    return hasattr(result, "__next__") or hasattr(result, "__anext__")


def stream(call, status, headers, pieces):
    """Send the pieces of an answer as they come."""
    try:
        call.start(status, headers)
        for piece in pieces:
            if isinstance(piece, str):
                piece = piece.encode("utf-8", "backslashreplace")
            elif not isinstance(piece, (bytes, bytearray, memoryview)):
                raise bad("a piece of a streamed answer is a %s: it must be str or bytes",
                          type(piece).__name__)
            call.poll()
            call.write(piece)
        call.finish()
    except Cancelled:
        close(pieces)
        call.finish()
    except BaseException as exc:
        close(pieces)
        report(call, exc)


def close(pieces):
    """Close an iterator that was left early, whatever its close does."""
    try:
        getattr(pieces, "close", bool)()
    except Exception:
        pass
