# SPDX-License-Identifier: Apache-2.0
"""A request for HTTP functions that run without Flask: what handlers use of Flask's."""
import json
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote


def pairs_of(query):
    """The fields of a query or an urlencoded body."""
    return parse_qsl(query, keep_blank_values=True)


class BadRequest(ValueError):
    """The body is not what the function asked for; answered with 400."""

    dayfly_status = 400


class MultiDict(dict):
    """A dict whose values are the first of each name; getlist gives all of them."""

    def __init__(self, pairs):
        dict.__init__(self)
        self._all = {}
        for name, value in pairs:
            self._all.setdefault(name, []).append(value)
            self.setdefault(name, value)

    def getlist(self, name):
        """Every value of a name."""
        return list(self._all.get(name, ()))

    def get(self, name, default=None, type=None):
        """The first value, converted by type when that is given and works."""
        value = dict.get(self, name, default)
        if type is None or name not in self:
            return value
        try:
            return type(value)
        except (ValueError, TypeError):
            return default

    def to_dict(self, flat=True):
        """A plain dict, of lists unless flat."""
        return dict(self) if flat else {k: list(v) for k, v in self._all.items()}


class Headers(dict):
    """Headers by name, in any case of letters."""

    def __init__(self, environ):
        dict.__init__(self)
        for key, value in environ.items():
            if key.startswith("HTTP_"):
                self[key[5:].replace("_", "-").title()] = value
        for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if key in environ:
                self[key.replace("_", "-").title()] = environ[key]

    @classmethod
    def of_pairs(cls, pairs):
        """Headers of (name, value) pairs; those of one name are joined."""
        headers = cls({})
        for name, value in pairs:
            headers[name] = headers[name] + "," + value if name in headers else value
        return headers

    def __setitem__(self, name, value):
        dict.__setitem__(self, name.title(), value)

    def __getitem__(self, name):
        return dict.__getitem__(self, name.title())

    def __contains__(self, name):
        return dict.__contains__(self, name.title())

    def get(self, name, default=None):
        """The value of a header."""
        return dict.get(self, name.title(), default)


class Request:
    """One HTTP request."""

    def __init__(self, environ):
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        self.path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        self.script_root = self.root_path = environ["SCRIPT_NAME"].rstrip("/")
        self.query_string = environ["QUERY_STRING"].encode("utf-8", "replace")
        self.scheme = environ["wsgi.url_scheme"]
        self.host = environ["HTTP_HOST"]
        self.remote_addr = environ["REMOTE_ADDR"] or None
        self.headers = Headers(environ)
        self.content_type = environ.get("CONTENT_TYPE")
        self.mimetype = (self.content_type or "").partition(";")[0].strip().lower()
        self.stream = environ["wsgi.input"]
        self._data = None
        self._fields = {}

    def _once(self, name, make):
        if name not in self._fields:
            self._fields[name] = make()
        return self._fields[name]

    @property
    def content_length(self):
        """The length that the client gave, or None."""
        length = self.environ.get("CONTENT_LENGTH", "")
        return int(length) if length.isdigit() else None

    @property
    def args(self):
        """The query's fields."""
        return self._once("args", lambda: MultiDict(
            parse_qsl(self.environ["QUERY_STRING"], keep_blank_values=True)))

    @property
    def form(self):
        """The fields of an urlencoded body, or of one in parts."""
        def make():
            if self.mimetype == "multipart/form-data":
                return MultiDict(self._parts()[0])
            if self.mimetype != "application/x-www-form-urlencoded":
                return MultiDict(())
            return MultiDict(pairs_of(self.get_data(as_text=True)))

        return self._once("form", make)

    @property
    def files(self):
        """The files of a body in parts."""
        def make():
            is_multipart = self.mimetype == "multipart/form-data"
            return MultiDict(self._parts()[1] if is_multipart else ())

        return self._once("files", make)

    def _parts(self):
        from . import multipart

        return self._once("parts", lambda: multipart.parse(self.content_type, self.get_data()))

    @property
    def values(self):
        """args and form together."""
        return self._once("values", lambda: MultiDict(
            [(k, v) for d in (self.args, self.form) for k in d for v in d.getlist(k)]))

    @property
    def cookies(self):
        """The cookies by name."""
        def make():
            jar = SimpleCookie()
            try:
                jar.load(self.headers.get("cookie", ""))
            except CookieError:
                pass
            return {name: morsel.value for name, morsel in jar.items()}

        return self._once("cookies", make)

    def get_data(self, cache=True, as_text=False, parse_form_data=False):
        """The whole body."""
        if self._data is None:
            self._data = self.stream.read()
        return self._data.decode("utf-8", "replace") if as_text else self._data

    @property
    def data(self):
        """The whole body, as bytes."""
        return self.get_data()

    @property
    def is_json(self):
        """Whether the content type says JSON."""
        return self.mimetype == "application/json" or (
            self.mimetype.startswith("application/") and self.mimetype.endswith("+json"))

    def get_json(self, force=False, silent=False, cache=True):
        """The body as JSON; None when it is none and silent."""
        if not (force or self.is_json):
            if silent:
                return None
            error = BadRequest("the content type is not application/json")
            error.dayfly_status = 415
            raise error
        try:
            return json.loads(self.get_data())
        except ValueError as exc:
            if silent:
                return None
            raise BadRequest("the body is not JSON: %s" % exc) from None

    @property
    def json(self):
        """The body as JSON."""
        return self.get_json()

    @property
    def full_path(self):
        """Path and query."""
        return self.path + "?" + self.environ["QUERY_STRING"]

    @property
    def host_url(self):
        """Scheme and host."""
        return "%s://%s/" % (self.scheme, self.host)

    @property
    def url_root(self):
        """Where the function is mounted."""
        return self.host_url[:-1] + quote(self.script_root) + "/"

    @property
    def base_url(self):
        """The URL without its query."""
        return self.host_url[:-1] + quote(self.script_root) + quote(self.path, safe="/:%")

    @property
    def url(self):
        """The whole URL."""
        query = self.environ["QUERY_STRING"]
        return self.base_url + ("?" + query if query else "")

    @property
    def is_secure(self):
        """Whether the client spoke HTTPS."""
        return self.scheme == "https"

    @property
    def user_agent(self):
        """The client's name of itself."""
        return self.headers.get("user-agent", "")

    def __repr__(self):
        return "<Request %r [%s]>" % (self.url, self.method)
