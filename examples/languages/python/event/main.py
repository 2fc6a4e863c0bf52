# SPDX-License-Identifier: Apache-2.0
"""A background function for files, as Cloud Functions had them first."""
seen = []


def on_file(data, context):
    if not data.get("name"):
        raise ValueError("a file without a name")
    seen.append((context.event_type, data["name"]))
    print("%s %s" % seen[-1])
