# SPDX-License-Identifier: Apache-2.0
from importlib.metadata import version

import idna


def handler(event, context):
    return {"idna": version("idna"), "encoded": idna.encode("straße").decode()}
