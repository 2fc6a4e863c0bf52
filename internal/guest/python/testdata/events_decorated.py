# SPDX-License-Identifier: Apache-2.0
"""Functions for functions-framework that take no HTTP request."""
import functions_framework
from cloudevents.http import CloudEvent, to_structured
from google.cloud.functions.context import Context


@functions_framework.cloud_event
def on_event(event):
    print(event["type"], event.data, sorted(event.get_attributes()))
    if event["type"] == "raise":
        raise LookupError("no")
    if event["type"] == "answer":
        return CloudEvent({"source": "/f", "type": "made \"é\"", "id": "2", "n": 1}, {"b": 2})


def on_background(data, context):
    print(data, context.event_id, context.timestamp, context.event_type, context.resource)
    assert isinstance(context, Context) and to_structured


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


@functions_framework.typed
def annotated(given: Person):
    return {"none": None, "text": "text"}.get(given.name, given)
