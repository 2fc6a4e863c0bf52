# SPDX-License-Identifier: Apache-2.0
"""HTTP as Lambda sees it behind other doors than those of payload format 2.0: REST APIs
(1.0) and load balancers, with single values (alb) or lists of them (alb-multi)."""
from binascii import Error as Base64Error
from urllib.parse import parse_qsl

from . import payload, route
from .calls import encode
from .marshal_json import http_json

_KEYS = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))
_NOBODY = ("accessKey", "accountId", "caller", "cognitoAuthenticationProvider",
           "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId",
           "principalOrgId")
_ACCOUNT = "000000000000"
_ROUTE = ("X-Dayfly-Route", "X-Dayfly-Params", "X-Dayfly-Principal")


class Door:
    """What they have in common: how answers are read. Subclasses have KEYS, which an
    answer may have, and http(head, body)."""

    def __init__(self, spec):
        self._api = spec.get("function", "")
        self._clock = payload.Clock()

    def head(self, result):
        """Status and headers of an answer object."""
        self.check({k: v for k, v in result.items() if k != "body"})
        headers = merged(result)
        if not any(name == "content-type" for name, _ in headers):
            headers.append(["content-type", "application/json"])
        return payload.whole_status(result.get("statusCode", 200)), headers

    def answer(self, result):
        """What a handler returned, as response head (JSON bytes) and body."""
        if not isinstance(result, dict) or not result:
            raise payload.bad("the answer must be an object with a statusCode, got %s",
                              str(http_json(result), "utf-8")[:60])
        http_json(result)  # all of it must be JSON, as it is on its way through Lambda
        body = result.get("body")
        status, headers = self.head(result)
        if body is None:
            body = ""
        elif not isinstance(body, str):
            raise payload.bad("body must be a string, got %s", type(body).__name__)
        try:
            if result.get("isBase64Encoded") is True:
                data = payload.unbase64(body)
            else:
                data = body.encode("utf-8")
        except (Base64Error, ValueError) as exc:
            raise payload.bad("body cannot be decoded: %s", exc) from None
        return encode({"status": status, "headers": headers}).encode(), data

    def check(self, result):
        """Refuse an answer that has what the door does not know."""
        for key in result:
            if key not in self.KEYS:
                raise payload.bad("the answer has a member %.60r; known are %s", key,
                                  ", ".join(sorted(self.KEYS)))


def merged(result):
    """multiValueHeaders, then headers; a single value that is among the others is not
    repeated."""
    multi, single = _object(result, "multiValueHeaders"), _object(result, "headers")
    pairs = []
    for name, values in multi.items():
        if values is None:
            continue
        if not isinstance(values, (list, tuple)):
            raise payload.bad("multiValueHeaders.%.60s must be a list, got %s", name,
                              type(values).__name__)
        pairs += [payload.header(name, value) for value in values if value is not None]
    many = frozenset(pairs)
    singles = [payload.header(name, value) for name, value in single.items()
               if value is not None]
    pairs += [pair for pair in singles if pair not in many]
    return [list(pair) for pair in pairs if pair[0] not in payload.DROPPED]


def _object(result, name):
    value = result.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise payload.bad("%s must be an object, got %s", name, type(value).__name__)
    return value


class REST(Door):
    """Payload format 1.0, of REST APIs."""

    KEYS = _KEYS

    def http(self, head, body):
        """The event of an HTTP request."""
        # The case that the client wrote is not known; this is what nearly all write.
        singles, lists = _header_maps(head, _canonical)
        told = route.take(singles, _ROUTE)
        for name in _ROUTE if told else ():
            lists.pop(name, None)
        first, every = _maps(parse_qsl(head.get("query", ""), keep_blank_values=True))
        path, method = head.get("path", "/"), head.get("method", "")
        rest = path[1:] if path[:1] == "/" else path
        rest = rest[:-1] if rest[-1:] == "/" else rest
        resource = "/{proxy+}" if rest else "/"
        captured = {"proxy": rest} if rest else None
        if told and told.key:
            resource, captured = told.path(), told.params
        context = self._context(head, resource, singles.get("User-Agent"))
        if told and told.principal:
            context["authorizer"] = told.authorizer1()
        text, encoded = None, False
        if body:
            kind = singles.get("Content-Type")
            plain = singles.get("Content-Encoding", "identity") == "identity"
            text, encoded = payload.body_of(body, plain and (
                kind is None or payload.is_text(kind) or payload.is_form(kind)))
        return {
            "resource": resource, "path": path, "httpMethod": method,
            "headers": singles, "multiValueHeaders": lists,
            "queryStringParameters": first or None,
            "multiValueQueryStringParameters": every or None,
            "pathParameters": captured, "stageVariables": None, "requestContext": context,
            "body": text, "isBase64Encoded": encoded,
        }

    def _context(self, head, resource, agent):
        domain = payload.domain_of(head.get("host") or "localhost")
        epoch = head.get("received_ms", 0)
        identity = dict.fromkeys(_NOBODY)
        identity.update(sourceIp=head.get("remote", ""), user=None, userAgent=agent, userArn=None)
        return {
            "accountId": _ACCOUNT, "apiId": self._api, "domainName": domain,
            "domainPrefix": domain.partition(".")[0], "extendedRequestId": head.get("id", ""),
            "httpMethod": head.get("method", ""), "identity": identity,
            "path": head.get("prefix", "") + head.get("path", "/"), "protocol": "HTTP/1.1",
            "requestId": head.get("id", ""), "requestTime": self._clock.spell(epoch // 1000),
            "requestTimeEpoch": epoch, "resourceId": self._api, "resourcePath": resource,
            "stage": "$default",
        }


class LoadBalancer(Door):
    """The events of load balancers; lists of values are an option of theirs."""

    KEYS = _KEYS | {"statusDescription"}

    def __init__(self, spec):
        Door.__init__(self, spec)
        self._lists = spec.get("payload") == "alb-multi"

    def check(self, result):
        Door.check(self, result)
        if result.get("statusCode") is None:
            raise payload.bad("the answer has no statusCode")

    def http(self, head, body):
        """The event of an HTTP request."""
        singles, lists = _header_maps(head, str)
        # Load balancers decode nothing.
        first, every = _maps((name, value) for name, _, value in (
            field.partition("=") for field in head.get("query", "").split("&") if field))
        text, encoded = "", False
        if body:
            plain = singles.get("content-encoding", "identity") == "identity"
            text, encoded = payload.body_of(
                body, plain and payload.is_text(singles.get("content-type", "")))
        event = {
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:"
                               "%s:targetgroup/%s/0000000000000000" % (_ACCOUNT, self._api)}},
            "httpMethod": head.get("method", ""), "path": head.get("path", "/"),
        }
        if self._lists:
            event["multiValueQueryStringParameters"] = every
            event["multiValueHeaders"] = lists
        else:
            event["queryStringParameters"] = first
            event["headers"] = singles
        event["body"] = text
        event["isBase64Encoded"] = encoded
        return event


def _canonical(name):
    return "-".join([word.capitalize() for word in name.split("-")])


def _header_maps(head, spell):
    """Headers with their last value, and with all of them."""
    pairs = [(name, value) for name, value in head.get("headers", ())
             if name != "traceparent" or not head.get("trace")]
    pairs += payload.added(head, dict(pairs)).items()
    return _maps((spell(name), value) for name, value in pairs)


def _maps(pairs):
    """Pairs with their last value, and with all of them."""
    first, every = {}, {}
    for name, value in pairs:
        first[name] = value
        every.setdefault(name, []).append(value)
    return first, every
