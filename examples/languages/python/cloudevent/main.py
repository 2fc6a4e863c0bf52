# SPDX-License-Identifier: Apache-2.0
import functions_framework
from cloudevents.http import CloudEvent


@functions_framework.cloud_event
def order(event):
    if event["type"] != "com.example.order.placed":
        return None
    return CloudEvent(
        {"source": "/orders", "type": "com.example.order.confirmed", "id": "c-" + event["id"],
         "datacontenttype": "application/json"},
        {"total": sum(event.data["prices"])})
