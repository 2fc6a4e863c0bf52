# SPDX-License-Identifier: Apache-2.0
import json


def hello_gcs(data, context):
    """Background Cloud Function to be triggered by Cloud Storage."""
    print("got", context.event_type, json.dumps(data))
    if "bad" in data:
        raise ValueError("a bad event")
