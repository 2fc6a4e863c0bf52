# SPDX-License-Identifier: Apache-2.0
"""What the gateway says of the route and the caller of a request, as Lambda has it: the key of
the route, what its path captured, and requestContext.authorizer."""
from json import dumps, loads

NAMES = ("x-dayfly-route", "x-dayfly-params", "x-dayfly-principal")


class Route:
    """Key, params and principal of a request; each may be None."""

    def __init__(self, values):
        key, params, principal = values
        self.key = key and key.replace("...}", "+}")
        self.params = _object(params)
        self.principal = _object(principal)
        if self.principal is not None and not self.principal.get("kind"):
            self.principal = None

    def path(self):
        """The path of the route's key."""
        return self.key.partition(" ")[2]

    def authorizer2(self):
        """requestContext.authorizer of payload 2.0; None for nobody."""
        who = self.principal
        if who is None:
            return None
        if who["kind"] in ("jwt", "login"):
            return {"jwt": _token(who)}
        if who["kind"] == "function":
            return {"lambda": who.get("claims") or {}}
        return {"lambda": _plain(who)}

    def authorizer1(self):
        """requestContext.authorizer of payload 1.0; None for nobody."""
        who = self.principal
        if who is None:
            return None
        if who["kind"] in ("jwt", "login"):
            return _token(who)
        if who["kind"] == "function":
            return {"principalId": who.get("subject", ""), **_claims(who)}
        return _plain(who)


def take(headers, names=NAMES):
    """The Route of which headers tell, which are taken out; None when they tell of none."""
    if names[0] in headers or names[1] in headers or names[2] in headers:
        return Route([headers.pop(name, None) for name in names])
    return None


def _object(text):
    try:
        value = loads(text) if text else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _token(who):
    return {"claims": _claims(who), "scopes": who.get("scopes") or None}


def _plain(who):
    told = {"principalId": who.get("subject", ""), "kind": who["kind"], "name": who.get("name", "")}
    for name in ("scopes", "key"):
        if who.get(name):
            told[name] = who[name]
    return told


def _claims(who):
    return {name: _claim(value) for name, value in (who.get("claims") or {}).items()}


def _claim(value):
    # AWS makes texts of all claims; a list is in brackets, with spaces between.
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + " ".join([_claim(inner) for inner in value]) + "]"
    return dumps(value, separators=(",", ":"), ensure_ascii=False)
