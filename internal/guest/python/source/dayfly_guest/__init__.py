# SPDX-License-Identifier: Apache-2.0
"""The Python guest: what runs a function's module inside a sandbox.

    fd 3 ── wire ── calls ──┬─ serial    one call at a time, one thread
                            ├─ threads   concurrency > 1: a bounded thread pool
                            └─ loop      ASGI: tasks on an asyncio loop
                                  │
       instance: hello, specialise, ready     lambdas · wsgi · asgi · framework

CPython 3.8 and later, the standard library alone. instance is the part to read
first. Nothing here imports a module of the function before specialise.
"""
