# SPDX-License-Identifier: Apache-2.0
"""A CloudEvent function, which needs the package."""
import functions_framework


@functions_framework.cloud_event
def on_event(event):
    print(event["type"])
