# SPDX-License-Identifier: Apache-2.0
"""From entry to handler: import the function's module, find what it exports, and tell
which dialect that speaks."""
import functools
import importlib
import os
import sys
from types import FunctionType, MethodType

from . import framework, standin
from .failure import Fault

# What an entry without an export may mean, in this order.
_DEFAULTS = ("handler", "lambda_handler", "app", "application", "api", "asgi", "wsgi", "main")
# The dialects that the functions-framework package serves when it is there.
FRAMEWORKS = frozenset(("framework", "cloudevent", "event", "typed"))
_DIALECTS = FRAMEWORKS | {"lambda", "wsgi", "asgi", "openfaas", "openwhisk", "azure", "vercel"}
_CO_COROUTINE = 0x80  # flag of the code of an async def
_ASGI_CLASSES = frozenset((
    ("fastapi", "FastAPI"), ("starlette", "Starlette"), ("django", "ASGIHandler"),
    ("quart", "Quart"), ("litestar", "Litestar"), ("blacksheep", "Application"),
    ("sanic", "Sanic"), ("asgiref", "WsgiToAsgi"), ("channels", "ProtocolTypeRouter")))
_WSGI_CLASSES = frozenset((
    ("flask", "Flask"), ("django", "WSGIHandler"), ("bottle", "Bottle"), ("falcon", "App"),
    ("pyramid", "Router"), ("werkzeug", "DispatcherMiddleware"), ("cherrypy", "Tree")))


def split(entry, dialect):
    """An entry's module and export; the export is "" when there is none."""
    if ":" in entry:
        module, _, export = entry.partition(":")
        return module, export
    if dialect == "lambda" and "." not in entry:
        raise Fault("init", "Runtime.MalformedHandlerName", "Bad handler '%s': not enough values "
                    "to unpack (expected 2, got 1)" % entry)
    module, _, export = entry.rpartition(".")
    return (module, export) if module else (export, "")


def load_module(name):
    """Import a module of the function; what goes wrong is told in Lambda's words."""
    if name.split(".")[0] in sys.builtin_module_names:
        raise Fault("init", "Runtime.BuiltInModuleConflict",
                    "Cannot use built-in module %s as a handler module" % name)
    try:
        return importlib.import_module(name.replace("/", "."))
    except ImportError as exc:
        raise Fault("init", "Runtime.ImportModuleError",
                    "Unable to import module '%s': %s" % (name, exc)) from exc
    except SyntaxError as exc:
        where = '  File "%s" Line %s\n    %s' % (exc.filename, exc.lineno, exc.text)
        raise Fault("init", "Runtime.UserCodeSyntaxError",
                    "Syntax error in module '%s': %s" % (name, exc), [where]) from exc


def find(module, export, name):
    """The exported object, and the name it was found by."""
    if export:
        value = module
        try:
            for part in export.split("."):
                value = getattr(value, part)
            return value, export
        except AttributeError:
            raise Fault("init", "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'"
                        % (export, name)) from None
    for candidate in _DEFAULTS:
        if callable(getattr(module, candidate, None)):
            return getattr(module, candidate), candidate
    raise Fault("init", "Runtime.HandlerNotFound", "module '%s' exports none of %s: name the "
                "handler in the entry, such as %s.handler" % (name, ", ".join(_DEFAULTS), name))


def detect(value):
    """The dialect that an exported object speaks."""
    registered = standin.registered(value)
    if registered:
        return registered[0]
    for cls in type(value).__mro__:
        known = (cls.__module__.partition(".")[0], cls.__name__)
        if known in _ASGI_CLASSES or (known[0] == "falcon" and "asgi" in cls.__module__):
            return "asgi"
        if known in _WSGI_CLASSES:
            return "wsgi"
    names = parameters(value)
    if names[:3] == ["scope", "receive", "send"] or names == ["scope"]:
        return "asgi"
    if len(names) == 3 and is_async(value):
        return "asgi"
    if names[:2] in (["environ", "start_response"], ["env", "start_response"],
                     ["env", "start"], ["e", "sr"]) or names[1:2] == ["start_response"]:
        return "wsgi"
    if len(names) == 1 and not isinstance(value, type):
        return "framework" if names[0] in ("request", "req", "_request") else "lambda"
    return "lambda"


def _function(value):
    """The Python function behind a callable, and how many parameters are bound. Done
    by hand: the inspect module would make every stem a megabyte larger."""
    bound = 0
    for _ in range(10):  # decorators and partials, however they are stacked
        if hasattr(value, "__wrapped__"):
            value = value.__wrapped__
        elif isinstance(value, functools.partial):
            bound += len(value.args)
            value = value.func
        else:
            break
    if isinstance(value, type):
        return value.__init__, bound + 1
    if isinstance(value, MethodType):
        return value.__func__, bound + 1
    if not isinstance(value, FunctionType):
        call = getattr(type(value), "__call__", None)
        return getattr(call, "__wrapped__", call), bound + 1
    return value, bound


def parameters(value):
    """Names of the positional parameters that a caller must give."""
    function, bound = _function(value)
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    given = len(getattr(function, "__defaults__", None) or ())
    return list(code.co_varnames[bound : code.co_argcount - given])


def is_async(value):
    """Whether calling value gives a coroutine."""
    if isinstance(value, type):
        return False
    code = getattr(_function(value)[0], "__code__", None)
    return code is not None and bool(code.co_flags & _CO_COROUTINE)


class Found:
    """What an entry names: the exported object, which is None where a package finds it
    by itself; its dialect, module and export; and the type it was registered with."""

    __slots__ = ("value", "dialect", "module", "export", "given")

    def __init__(self, value, dialect, module, export):
        self.value = value
        self.dialect = dialect
        self.module = module
        self.export = export
        self.given = None


def load(entry, dialect, task):
    """Load an entry and find out how it is called."""
    if dialect and dialect not in _DIALECTS:
        raise Fault("init", "Runtime.UnknownDialect", "dialect %.100r is not one of Python: %s"
                    % (dialect, ", ".join(sorted(_DIALECTS))))
    name, export = split(entry, dialect)
    standin.offer(dialect)
    if dialect == "vercel" or dialect == "azure" and _declared(task, name):
        return Found(None, dialect, name, export)
    if dialect in FRAMEWORKS and framework.installed():
        source = framework.source_of(task, name)
        if not os.path.isfile(source):
            load_module(name)  # tells in Lambda's words what is missing
        return Found(None, dialect, name, export or "function")
    folder, _, last = name.rpartition("/")
    module = load_main(os.path.join(task, folder)) if last == "__main__" else load_module(name)
    value, export = find(module, export, name)
    if not callable(value) and dialect != "azure":
        raise Fault("init", "Runtime.HandlerNotFound",
                    "'%s' of module '%s' is a %s: it cannot be called"
                    % (export, name, type(value).__name__))
    found = Found(value, dialect or detect(value), name, export)
    registered = standin.registered(value)
    if registered and found.dialect in FRAMEWORKS:
        found.dialect, found.given = registered  # what the code says comes first
    if not dialect and found.dialect in FRAMEWORKS and framework.installed():
        found.value = None
    return found


def _declared(task, module):
    """Whether a module is a function that a function.json declares."""
    folder = os.path.join(task, *module.replace("/", ".").split(".")[:1])
    return os.path.isfile(os.path.join(folder, "function.json"))


def load_main(folder):
    """The module __main__ of a folder, as OpenWhisk's archives have it; the modules
    beside it are found."""
    import glob
    import importlib.util
    import site

    if os.path.normpath(folder) not in sys.path:
        sys.path.insert(0, os.path.normpath(folder))
    for packages in glob.glob(os.path.join(folder, "virtualenv/lib/python3*/site-packages")):
        site.addsitedir(packages)
    path = os.path.join(folder, "__main__.py")
    spec = importlib.util.spec_from_file_location("__main__", path)
    module = importlib.util.module_from_spec(spec)
    before, sys.modules["__main__"] = sys.modules.get("__main__"), module
    try:
        spec.loader.exec_module(module)
    except (ImportError, FileNotFoundError) as exc:
        sys.modules["__main__"] = before
        raise Fault("init", "Runtime.ImportModuleError",
                    "Unable to import module '__main__': %s" % exc) from exc
    return module
