# SPDX-License-Identifier: Apache-2.0
import json

import functions_framework
from cloudevents.http.event import CloudEvent


@functions_framework.cloud_event
def hello_cloud_event(cloud_event: CloudEvent) -> None:
    print("got", cloud_event["type"], cloud_event["source"], cloud_event.get("subject"), json.dumps(cloud_event.data))
    if "bad" in cloud_event.data:
        raise ValueError("a bad event")
