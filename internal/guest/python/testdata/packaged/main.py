# SPDX-License-Identifier: Apache-2.0
"""Functions for functions-framework, as its users write them."""
import functions_framework
from flask import Response, abort, make_response


@functions_framework.http
def hello(request):
    what = request.path[1:]
    if what == "raise":
        raise LookupError("no")
    if what == "abort":
        abort(403)
    if what == "response":
        return Response("made", status=201, headers={"X-A": "b"})
    if what == "cookie":
        response = make_response("c")
        response.set_cookie("a", "b")
        return response
    if what == "dict":
        return {"got": request.get_json(silent=True)}
    return "Hello %s!" % request.args.get("name", "World")


@functions_framework.cloud_event
def on_event(event):
    print("event %s %s" % (event["type"], event.data))


class Person:
    def __init__(self, name):
        self.name = name

    @staticmethod
    def from_dict(value):
        return Person(value["name"])

    def to_dict(self):
        return {"name": self.name.upper()}


@functions_framework.typed(Person)
def person(given):
    return given


def background(data, context):
    print("background %s %s" % (data, context.event_id))
