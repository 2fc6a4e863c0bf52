# SPDX-License-Identifier: Apache-2.0
"""Bodies in parts (RFC 7578): the fields and files of forms, for functions without Flask."""
import io
import re
import shutil

PARTS_MAX = 1000  # of one body: a form has no more, and each costs more than its bytes
_boundary = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))', re.IGNORECASE).search
_parameter = re.compile(r';\s*(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)


class File:
    """One file that was sent, as Flask has it."""

    def __init__(self, name, filename, content_type, data):
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.mimetype = content_type.partition(";")[0].strip().lower()
        self.content_length = len(data)
        self.stream = io.BytesIO(data)

    def __getattr__(self, name):
        return getattr(self.stream, name)  # read, seek, readline and all the others

    def __iter__(self):
        return iter(self.stream)

    def __bool__(self):
        return bool(self.filename)

    def save(self, dst, buffer_size=16384):
        """Write the file to a path or an open file."""
        if hasattr(dst, "write"):
            shutil.copyfileobj(self.stream, dst, buffer_size)
            return
        with open(dst, "wb") as out:
            shutil.copyfileobj(self.stream, out, buffer_size)

    def __repr__(self):
        return "<File %r (%r)>" % (self.filename, self.content_type)


def parse(content_type, body):
    """Fields and files of a body, each as (name, value) pairs in their order."""
    from .request import BadRequest

    match = _boundary(content_type or "")
    if match is None:
        raise BadRequest("the content type names no boundary")
    mark = b"--" + (match.group(1) or match.group(2)).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark, PARTS_MAX + 1)
    if len(pieces) < 2 or len(pieces) > PARTS_MAX + 1:
        raise BadRequest("the body has no parts, or more than %d" % PARTS_MAX)
    fields, files = [], []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return fields, files
        head, found, data = piece.lstrip(b" \t").partition(b"\r\n\r\n")
        if not found:
            raise BadRequest("a part of the body has no end of its head")
        _add(head.decode("utf-8", "replace"), data, fields, files)
    raise BadRequest("the body ends within a part")


def _add(head, data, fields, files):
    headers = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    given = {}
    for key, quoted, plain in _parameter.findall(headers.get("content-disposition", "")):
        given[key.lower()] = re.sub(r'\\(["\\])', r"\1", quoted) or plain
    name = given.get("name", "")
    if "filename" in given:
        kind = headers.get("content-type", "application/octet-stream")
        files.append((name, File(name, given["filename"], kind, data)))
    else:
        fields.append((name, data.decode("utf-8", "replace")))
