# SPDX-License-Identifier: Apache-2.0
"""For OpenFaaS's template python3."""


def handle(req):
    """handle a request to the function
    Args:
        req (str): request body
    """
    return "You said: " + req if req else "You said nothing"
