# SPDX-License-Identifier: Apache-2.0
"""The wsgi dialect: app(environ, start_response), PEP 3333."""
import io
import re
import sys
from urllib.parse import unquote_to_bytes

from .calls import Cancelled
from .failure import Fault, report

CHUNK = 65536  # what one iteration over a file wrapper reads

_status_line = re.compile(r"([1-9][0-9][0-9])(?: |$)").match
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
                         "te", "trailer", "trailers", "transfer-encoding", "upgrade"))
_forbidden = re.compile(r"[\r\n\0]").search
_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_names = {}  # header name → environ key; header names are the client's, so bounded
_NAMES_MAX = 512


class Input(io.RawIOBase):
    """wsgi.input: the request body as it arrives, with constant memory."""

    def __init__(self, call):
        self._call = call
        self._rest = b""

    def readable(self):
        return True

    def _piece(self):
        rest = self._rest
        if rest:
            self._rest = b""
            return rest
        return self._call.read()

    def readinto(self, buffer):
        piece = self._piece()
        count = min(len(piece), len(buffer))
        buffer[:count] = piece[:count]
        self._rest = piece[count:]
        return count

    def read(self, size=-1):
        if size is None or size < 0:
            return self.readall()
        parts = []
        while size > 0:
            piece = self._piece()
            if not piece:
                break
            if len(piece) > size:
                self._rest = piece[size:]
                piece = piece[:size]
            parts.append(piece)
            size -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self):
        parts = []
        piece = self._piece()
        while piece:
            parts.append(piece)
            piece = self._piece()
        return b"".join(parts)

    def readline(self, size=-1):
        if size is None or size < 0:
            size = sys.maxsize
        parts = []
        while size > 0:
            piece = self._piece()
            if not piece:
                break
            end = piece.find(b"\n", 0, size) + 1 or min(len(piece), size)
            parts.append(piece[:end])
            self._rest = piece[end:]
            size -= end
            if parts[-1].endswith(b"\n"):
                break
        return b"".join(parts)

    def readlines(self, hint=-1):
        lines, total = [], 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint and 0 < hint <= total:
                break
        return lines


class FileWrapper:
    """wsgi.file_wrapper: a file in pieces."""

    def __init__(self, file, size=8192):
        self._file = file
        self._size = max(size, CHUNK)
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self._file.read(self._size)
        if not data:
            raise StopIteration
        return data


def latin(text):
    """Header text of the frames, as the native string of WSGI: bytes in disguise."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def unlatin(text):
    """The other way; bytes that are no UTF-8 stay Latin-1 letters."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _key(name):
    key = _names.get(name)
    if key is None:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if len(_names) < _NAMES_MAX:
            _names[name] = key
    return key


class WSGI:
    """Serves calls with one application."""

    def __init__(self, app, concurrent):
        self._app = app
        self._base = {
            "wsgi.version": (1, 0),
            "wsgi.multithread": concurrent,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
        }

    def environ(self, call):
        """The environment of one request."""
        head = call.head
        environ = dict(self._base)
        environ["wsgi.input"] = Input(call)
        environ["wsgi.errors"] = sys.stderr
        environ["dayfly.invocation"] = call.request_id
        if head.get("kind") == "event":
            head = {"method": "POST", "path": "/", "headers": _EVENT_HEADERS,
                    "length": head.get("length", -1), "deadline_ms": head.get("deadline_ms")}
        scheme = head.get("scheme", "http")
        host = head.get("host") or "localhost"
        path = head.get("path", "/")
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        environ["wsgi.url_scheme"] = scheme
        environ["REQUEST_METHOD"] = head["method"]
        environ["SCRIPT_NAME"] = _unquote(head.get("prefix", ""))
        environ["PATH_INFO"] = _unquote(path)
        environ["RAW_URI"] = environ["REQUEST_URI"] = (
            head.get("prefix", "") + path + ("?" + head["query"] if head.get("query") else ""))
        environ["QUERY_STRING"] = head.get("query", "")
        environ["SERVER_NAME"] = name or host
        environ["SERVER_PORT"] = port if name and port.isdigit() else (
            "443" if scheme == "https" else "80")
        environ["SERVER_PROTOCOL"] = head.get("proto", "HTTP/1.1")
        environ["REMOTE_ADDR"] = head.get("remote", "")
        for header, value in head.get("headers", ()):
            if "_" in header:
                continue  # would be taken for the one with a dash
            key = _key(header)
            value = latin(value)
            if key in environ:
                value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
            environ[key] = value
        environ.setdefault("HTTP_HOST", host)
        if head.get("trace"):
            environ["HTTP_TRACEPARENT"] = head["trace"]
        length = head.get("length", -1)
        if length >= 0 and (length > 0 or "CONTENT_LENGTH" in environ):
            environ["CONTENT_LENGTH"] = str(length)
        elif length < 0:
            environ.pop("CONTENT_LENGTH", None)
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        return environ

    def serve(self, call):
        """Run the application for one call."""
        answer = Answer(call)
        result = None
        try:
            result = self._app(self.environ(call), answer.start_response)
            answer.send(result)
        except Cancelled:
            _close(result)
        except BaseException as exc:
            _close(result)
            report(call, exc)
        else:
            # The end of the body follows what close does: until then the instance
            # belongs to this call, and is not frozen.
            try:
                _close(result, quiet=False)
            except Exception as exc:
                report(call, exc)
        finally:
            call.finish()


_EVENT_HEADERS = (("content-type", "application/json"),)


def _unquote(path):
    if "%" not in path and path.isascii():
        return path
    return unquote_to_bytes(path).decode("latin-1")


def _close(result, quiet=True):
    close = getattr(result, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:
        if not quiet:
            raise


class Answer:
    """The response of one request: held back until the first body bytes."""

    def __init__(self, call):
        self._call = call
        self._status = 0
        self._headers = None
        self._bare = call.head.get("method") == "HEAD"

    def start_response(self, status, response_headers, exc_info=None):
        """PEP 3333's start_response."""
        if exc_info:
            try:
                if self._call.started:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._headers is not None:
            raise AssertionError("start_response is called a second time without exc_info")
        if not isinstance(status, str):
            raise TypeError("status is a %s: it must be a str" % type(status).__name__)
        match = _status_line(status)
        if match is None:
            raise ValueError("status %.100r is not valid: it must be like '200 OK'" % status)
        headers = []
        for name, value in response_headers:
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError("header %r: name and value must be str" % (name,))
            if not _token(name) or _forbidden(value):
                raise ValueError("header %.100r holds a line break or is no valid name" % name)
            if name.lower() not in _HOP_BY_HOP:
                headers.append([name, unlatin(value)])
        self._status = int(match.group(1))
        if not 200 <= self._status <= 599:
            raise ValueError("status is %d: it must be from 200 to 599" % self._status)
        self._headers = headers
        return self.write

    def write(self, data):
        """Send a piece of the body now."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError("the body holds a %s: it must be bytes" % type(data).__name__)
        if not data:
            return
        call = self._call
        if call.started:
            if not self._bare:
                call.poll()
                call.write(bytes(data))
            return
        self._need_head()
        if self._bare:
            call.start(self._status, self._headers)
        else:
            call.open(self._status, self._headers, bytes(data))

    def _need_head(self):
        if self._headers is None:
            raise Fault("bad_response", "Runtime.MalformedResponse",
                        "the application did not call start_response")

    def send(self, result):
        """Send what the application returned."""
        call = self._call
        if isinstance(result, (list, tuple)) and len(result) < 2 and not call.started:
            self._whole(result[0] if result else b"")
            return
        if not hasattr(result, "__iter__"):
            raise Fault("bad_response", "Runtime.MalformedResponse", "the application returned "
                        "a %s: it must be an iterable of bytes" % type(result).__name__)
        for piece in result:
            self.write(piece)
        if not call.started:
            self._need_head()
            call.start(self._status, self._headers)

    def _whole(self, body):
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError("the body holds a %s: it must be bytes" % type(body).__name__)
        self._need_head()
        head = self._call.head_json(self._status, self._headers)
        self._call.answer(head, b"" if self._bare else bytes(body))
