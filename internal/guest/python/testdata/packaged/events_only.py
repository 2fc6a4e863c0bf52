# SPDX-License-Identifier: Apache-2.0
"""A CloudEvent function with cloudevents installed, and functions-framework not."""
import functions_framework
from cloudevents.http import CloudEvent


@functions_framework.cloud_event
def answer(event):
    assert isinstance(event, CloudEvent), type(event)
    return CloudEvent({"source": "/f", "type": "made", "id": event["id"]}, {"b": event.data})
