# SPDX-License-Identifier: Apache-2.0
"""The life of one guest.

    1 import what functions need, rehearse a call      (the stem; a zygote stops here,
                                                        and what follows is its forks')
    2 hello ─▶ wait for specialise
    3 become the revision: environment, folder, module path, handler
    4 ready ─▶ serve calls until the connection closes
"""
import gc
import os
import site
import socket
import sys
import time
from types import ModuleType

from . import failure, framework, lambdas, load, warm, wsgi
from .calls import Serial, Threads, decode, encode
from .failure import Failure, leave
from .logs import Logs
from .wire import ERROR, HELLO, READY, SPECIALISE, Wire

CONTROL = 3  # the socket to the host, by the protocol

_logs = None


def current_call():
    """The call that the running code belongs to, or None."""
    server = _logs.server
    return server.current if server is not None else None


def main():
    """Be a guest; never returns."""
    words = sys.argv[1:]
    warm.rehearse()
    if "loop" in words:
        from . import asgi  # noqa: F401 - loaded for the functions to come
    if "zygote" in words:
        from . import zygote

        zygote.serve()  # from here on this is one of its forks
    live()


def live():
    """Greet the host, become what it says, and serve."""
    global _logs
    control = socket.socket(fileno=CONTROL)
    control.setblocking(True)
    control.set_inheritable(False)
    wire = Wire(control)
    _logs = logs = Logs(wire)
    logs.install()
    site.setquit()  # exit() and quit(), as a script has them
    site.sethelper()
    os.register_at_fork(after_in_child=lambda: (wire.after_fork(), logs.after_fork()))
    sys.modules["__main__"] = ModuleType("__main__")
    gc.collect()
    gc.freeze()

    wire.frame(HELLO, 0, encode({"protocol": 1, "language": "python", "version":
                                 "%d.%d.%d" % sys.version_info[:3]}).encode())
    kind, _, payload = wire.receive()
    while kind != SPECIALISE:
        kind, _, payload = wire.receive()
    spec = decode(str(payload, "utf-8"))
    try:
        server, handler, ready = specialise(spec, wire, logs)
    except BaseException as exc:
        refuse(exc, wire, logs)
    gc.freeze()
    wire.frame(READY, 0, ready)
    try:
        server.run(handler)
    except SystemExit as exc:
        leave(exc, logs)
    except BaseException as exc:
        # Not of a handler, whose exceptions are caught: a signal's, or the host's nonsense.
        logs.write(2, Failure(exc, "").log())
        os._exit(130 if isinstance(exc, KeyboardInterrupt) else 1)


def specialise(spec, wire, logs):
    """Become a revision. Gives its server, what the server calls, and ready's JSON."""
    env = spec.get("env") or {}
    task = spec.get("task") or "/var/task"
    become(env, task)
    dialect = spec.get("dialect") or ""
    entry = spec.get("entry") or ""
    if dialect:
        if dialect == "lambda":
            lambdas.install_logging(logs, env)
        found = load.load(entry, dialect, task)
    else:
        with lambdas.TentativeLogging(logs, env) as tentative:
            found = load.load(entry, dialect, task)
        if found.dialect != "lambda":
            tentative.withdraw()
    ready = {"serve": "frames", "dialect": found.dialect}
    if found.dialect == "asgi":
        from . import asgi

        server = asgi.Loop(wire, logs)
        logs.server = server
        app = asgi.ASGI(found.value, logs)
        app.start(server.loop)
        framework.record_crashes()
        if app.lives:
            ready["shutdown_ms"] = asgi.STOP_MS
        return server, app, encode(ready).encode()
    limit = max(1, int(spec.get("concurrency") or 1))
    server = Serial(wire, logs) if limit == 1 else Threads(wire, logs, limit)
    logs.server = server
    return server, handler_of(found, spec, limit > 1).serve, encode(ready).encode()


def handler_of(found, spec, concurrent):
    """What serves calls of a dialect. Those that are seldom used are loaded here."""
    dialect, value = found.dialect, found.value
    task = spec.get("task") or "/var/task"
    if dialect == "lambda":
        return lambdas.Lambda(value, spec, spec.get("env") or {}, concurrent)
    if dialect == "wsgi":
        framework.record_crashes()
        return wsgi.WSGI(value, concurrent)
    if dialect in load.FRAMEWORKS:
        if value is None:
            return framework.serve_package(framework.source_of(task, found.module), found.export,
                                           concurrent, dialect)
        if dialect == "framework":
            return framework.serve_shim(value, concurrent)
        from . import eventful

        if dialect == "typed":
            return eventful.Typed(value, found.given)
        return (eventful.Events if dialect == "cloudevent" else eventful.Background)(value)
    if dialect == "openfaas":
        from . import openfaas

        return openfaas.serving(value, concurrent)
    if dialect == "openwhisk":
        from . import openwhisk

        return openwhisk.Action(value, spec, concurrent)
    if dialect == "azure":
        from . import azure

        return azure.Azure(value, task)
    from . import vercel

    return vercel.Vercel(task, concurrent)


def become(env, task):
    """Take on the environment, folder and module path of a function."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    _apply(env)
    failure.set_task(task)
    os.chdir(task)
    sys.argv = [task]
    sys.path[:] = _path(env, task)
    packages = os.path.join(task, ".dayfly", "python")
    if os.path.isdir(packages):
        site.addsitedir(packages)


def _path(env, task):
    """task, PYTHONPATH, layers, the standard library; packages follow as a site dir."""
    version = "python%d.%d" % sys.version_info[:2]
    path = [task]
    path += [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    for layer in ("/opt/python/lib/%s/site-packages" % version, "/opt/python"):
        if os.path.isdir(layer):
            path.append(layer)
    # Never the host's own packages: they are not part of the bundle.
    path += [p for p in sys.path if not p.endswith(("site-packages", "dist-packages"))]
    seen = set()
    return [p for p in path if not (p in seen or seen.add(p))]


def _apply(env):
    """Do what these variables would have done at the interpreter's start."""
    if env.get("PYTHONWARNINGS"):
        import warnings

        for option in reversed(env["PYTHONWARNINGS"].split(",")):
            try:
                warnings._setoption(option.strip())
            except warnings._OptionError as exc:
                sys.stderr.write("PYTHONWARNINGS ignored: %s\n" % exc)
    if env.get("PYTHONFAULTHANDLER"):
        import faulthandler

        faulthandler.enable(2)
    if env.get("PYTHONTRACEMALLOC", "").isdigit() and env["PYTHONTRACEMALLOC"] != "0":
        import tracemalloc

        tracemalloc.start(int(env["PYTHONTRACEMALLOC"]))
    if env.get("PYTHONPYCACHEPREFIX"):
        sys.pycache_prefix = env["PYTHONPYCACHEPREFIX"]
        sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    if env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG"):
        import _locale

        try:
            _locale.setlocale(_locale.LC_CTYPE, "")
        except _locale.Error:
            pass  # a locale that the box has not: text stays UTF-8 all the same


def refuse(exc, wire, logs):
    """Tell the host that the revision cannot start, and end."""
    if isinstance(exc, SystemExit):
        leave(exc, logs)
    told = Failure(exc, "", "init")
    told.kind = "init"
    logs.write(2, told.log())
    logs.flush(None)
    wire.frame(ERROR, 0, told.frame())
    os._exit(1)
