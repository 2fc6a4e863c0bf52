# SPDX-License-Identifier: Apache-2.0
"""HTTP functions for functions-framework: each of them is one row of the tests."""
import functions_framework


@functions_framework.http
def hello(request):
    return "Hello %s!" % request.args.get("name", "World")


@functions_framework.http
def kinds(request):
    what = request.path[1:]
    if what == "raise":
        raise LookupError("no")
    if what == "set":
        return {1, 2}
    if what == "none":
        return None
    return {
        "text": "text", "bytes": b"\x00\xff", "dict": {"a": [1]}, "list": [1, "b"],
        "status": ("made", 201), "headers": ("h", {"X-A": "b"}), "all": ("all", 202, {"X-A": "c"}),
        "pairs": ("p", 200, [("X-B", "1"), ("X-B", "2")]),
        "type": ("<a/>", 200, {"Content-Type": "image/svg+xml"}),
        "badstatus": ("x", 99), "empty": ("", 204), "textstatus": ("t", "203 Odd"),
        "pieces": (str(i) for i in range(3)),
    }[what]


@functions_framework.http
def read(request):
    return {
        "method": request.method, "path": request.path, "args": request.args.getlist("a"),
        "data": request.get_data(as_text=True), "again": request.data.decode(),
        "json": request.get_json(silent=True), "is_json": request.is_json,
        "form": request.form.get("f"), "header": request.headers.get("x-a"),
        "type": request.content_type, "cookie": request.cookies.get("c"),
        "url": request.url, "base": request.base_url, "host": request.host,
        "length": request.content_length, "address": request.remote_addr,
        "query": request.query_string.decode(),
    }


class Response:
    def __init__(self, data, status_code):
        self.data = data
        self.status_code = status_code
        self.headers = {"X-A": "b"}
        self.content_type = "text/csv"


@functions_framework.http
def uploads(request):
    file = request.files.get("file")
    if file is None:
        return Response("none", 202)
    return {"form": request.form.to_dict(flat=False), "name": file.filename,
            "type": file.mimetype, "data": list(file.read()), "length": file.content_length,
            "files": len(request.files.getlist("file")), "values": request.values.get("a")}


@functions_framework.http
def strict(request):
    return {"got": request.get_json()["a"]}


def plain(request):
    return "plain " + request.path


def make_event():
    @functions_framework.cloud_event
    def on_event(event):
        return None


@functions_framework.http
def described(request):
    return " ".join([request.method, request.path, request.content_type,
                     request.get_data(as_text=True)])
