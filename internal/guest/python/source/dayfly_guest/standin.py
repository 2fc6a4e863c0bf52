# SPDX-License-Identifier: Apache-2.0
"""Modules of other platforms that functions import, for functions that came without
them: found last, so that an installed package always wins.

    functions_framework    the decorators http, cloud_event and typed
    cloudevents.http       CloudEvent and how it travels, from cloudevent; http.event too
    azure.functions        HTTP functions, from azure_functions
    google.cloud.functions.context    Context of background functions

Nothing of them is loaded before it is imported.
"""
import importlib.util
import sys

_FRAMEWORK = "functions_framework"
_PACKAGES = frozenset(("cloudevents", "cloudevents.http", "azure", "google", "google.cloud",
                       "google.cloud.functions", "google.cloud.functions_v1"))
_MODULES = frozenset((_FRAMEWORK, "cloudevents.http", "cloudevents.http.event",
                      "cloudevents.exceptions",
                      "azure.functions", "google.cloud.functions.context",
                      "google.cloud.functions_v1.context"))
_MARK = "dayfly_stands_in"


class Finder:
    """Part of the import system: finds and loads the stand-ins."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Part of the import system's finders."""
        if name in _PACKAGES or name in _MODULES:
            return importlib.util.spec_from_loader(name, Finder(),
                                                   is_package=name in _PACKAGES)
        return None

    def create_module(self, spec):
        """Part of the import system's loaders: the usual module."""
        return None

    def exec_module(self, module):
        """Part of the import system's loaders."""
        module.__doc__ = "Stands in for the package of that name, which is not installed."
        setattr(module, _MARK, True)
        name = module.__name__
        if name == _FRAMEWORK:
            _framework(module)
        elif name.startswith("cloudevents."):
            from . import cloudevent

            _copy(module, cloudevent)
        elif name == "azure.functions":
            from . import azure_functions

            _copy(module, azure_functions)
        elif name.endswith(".context"):
            from . import background

            module.Context = background.Context


class FrameworkOnly(Finder):
    """For Lambda, whose messages about missing modules stay as they are."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Part of the import system's finders."""
        return Finder.find_spec(name) if name == _FRAMEWORK else None


def offer(dialect):
    """Let functions import what they came without."""
    sys.meta_path.append(FrameworkOnly if dialect == "lambda" else Finder)


def stands_in(module):
    """Whether a module is one of these rather than the real package."""
    return hasattr(module, _MARK)


def is_ours(spec):
    """Whether a module would be one of these."""
    return isinstance(spec.loader, Finder)


def _copy(module, source):
    module.__all__ = list(source.__all__)
    for name in source.__all__:
        setattr(module, name, getattr(source, name))


def _framework(module):
    """Fill in functions_framework: its decorators note what a function is."""
    module.dayfly_registry = registry = {}

    def http(func):
        """Register an HTTP function."""
        registry[func.__name__] = ("framework", None)
        return func

    def cloud_event(func):
        """Register a CloudEvent function."""
        registry[func.__name__] = ("cloudevent", None)
        return func

    def typed(*args):
        """Register a function of a type of its own, which has from_dict."""
        def register(func):
            registry[func.__name__] = ("typed", given)
            return func

        given = None if len(args) == 1 and not isinstance(args[0], type) else args[0]
        return register(args[0]) if given is None else register

    for decorator in (http, cloud_event, typed):
        setattr(module, decorator.__name__, decorator)
    module.__all__ = ["http", "cloud_event", "typed"]


def registered(func):
    """The dialect that func was registered for, and its type; None when for none."""
    name = getattr(func, "__name__", None)
    module = sys.modules.get(_FRAMEWORK)
    if module is None or name is None:
        return None
    if stands_in(module):
        return module.dayfly_registry.get(name)
    known = getattr(sys.modules.get("functions_framework._function_registry"), "REGISTRY_MAP", {})
    kind = known.get(name)
    return kind and ({"http": "framework"}.get(kind, kind), None)
