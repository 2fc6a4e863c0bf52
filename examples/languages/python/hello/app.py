# SPDX-License-Identifier: Apache-2.0
"""A program that runs once a call: what it prints is the answer."""
import os
import sys

body = sys.stdin.read()
print(body.upper() if body else "hello from %s" % os.environ["PATH_INFO"])
