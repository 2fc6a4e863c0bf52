# SPDX-License-Identifier: Apache-2.0
"""The lambda dialect: handler(event, context), as AWS's Python runtime calls it."""
import logging
import os
import sys
import threading
import time
from types import CoroutineType

from . import marshal_json, payload
from .calls import Cancelled, decode
from .failure import Fault, report


class CognitoIdentity:
    """context.identity: always there, its fields None."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self):
        self.cognito_identity_id = self.cognito_identity_pool_id = None

    def __repr__(self):
        return "CognitoIdentity([cognito_identity_id=%s,cognito_identity_pool_id=%s])" % (
            self.cognito_identity_id, self.cognito_identity_pool_id)


class LambdaContext:
    """The context object of one invocation."""

    def __init__(self, fields, head):
        self.__dict__.update(fields)
        self.aws_request_id = head.get("id", "")
        self.identity = CognitoIdentity()
        self._deadline_ms = head.get("deadline_ms") or 0

    def get_remaining_time_in_millis(self):
        """Milliseconds until the call is ended, at least 0."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, msg):
        """Write msg to the log as it is."""
        sys.stdout.write(str(msg))

    def __repr__(self):
        return "LambdaContext([%s])" % ",".join(
            "%s=%s" % (k, v) for k, v in self.__dict__.items() if not k.startswith("_"))


def context_fields(spec, env):
    """What every context of this revision has in common."""
    name = env.get("AWS_LAMBDA_FUNCTION_NAME") or spec.get("function", "")
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"
    memory = env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or str(
        (spec.get("memory_bytes") or 0) >> 20)
    return {
        "aws_request_id": "",
        "log_group_name": env.get("AWS_LAMBDA_LOG_GROUP_NAME") or "/aws/lambda/" + name,
        "log_stream_name": env.get("AWS_LAMBDA_LOG_STREAM_NAME") or spec.get("revision", ""),
        "function_name": name,
        "memory_limit_in_mb": memory,
        "function_version": (env.get("AWS_LAMBDA_FUNCTION_VERSION")
                             or str(spec.get("number") or "$LATEST")),
        "invoked_function_arn": "arn:aws:lambda:%s:000000000000:function:%s" % (region, name),
        "tenant_id": None,
        "client_context": None,
        "identity": None,
    }


def events_of(spec):
    """What turns HTTP into events and back, as the revision's payload says."""
    form = spec.get("payload") or "2.0"
    if form == "2.0":
        return payload.Events(spec)
    from . import gateways

    return gateways.REST(spec) if form == "1.0" else gateways.LoadBalancer(spec)


def unmarshal(body):
    """The event of an event call."""
    try:
        return decode(str(body, "utf-8"))
    except ValueError as exc:
        raise Fault("exception", "Runtime.UnmarshalError",
                    "Unable to unmarshal input: %s" % exc) from None


class Lambda:
    """Serves calls with one handler."""

    def __init__(self, handler, spec, env, concurrent):
        self._handler = handler
        self._fields = context_fields(spec, env)
        self._events = events_of(spec)
        self._trace_env = not concurrent
        self._loops = threading.local()

    def serve(self, call):
        """Run the handler for one call; never raises, but for what ends the process."""
        try:
            head = call.head
            http = head.get("kind") != "event"
            body = call.read_all()
            event = self._events.http(head, body) if http else unmarshal(body)
            body = None
            if self._trace_env:
                set_trace(head)
            result = self._handler(event, LambdaContext(self._fields, head))
            event = None
            if isinstance(result, CoroutineType):
                result = self._loop().run_until_complete(result)
            kind = type(result)
            if kind is not dict and kind is not str and payload.streams(result):
                payload.stream(call, 200, payload.STREAM_HEADERS, self._pieces(result))
            elif not http:
                answer_event(call, result)
            elif kind is dict and "statusCode" in result and payload.streams(result.get("body")):
                status, headers = self._events.head(result)
                payload.stream(call, status, headers, self._pieces(result["body"]))
            else:
                call.answer(*self._events.answer(result))
        except Cancelled:
            call.finish()
        except BaseException as exc:
            report(call, exc)

    def _loop(self):
        """The thread's own event loop, for handlers that are coroutines."""
        loop = getattr(self._loops, "loop", None)
        if loop is None or loop.is_closed():
            import asyncio

            loop = self._loops.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
        return loop

    def _pieces(self, result):
        """A plain iterator of what a generator, sync or async, yields."""
        return self._drain(result) if hasattr(result, "__anext__") else result

    def _drain(self, source):
        run = self._loop().run_until_complete
        try:
            while True:
                try:
                    piece = run(_next(source))
                except StopAsyncIteration:
                    return
                yield piece
        finally:
            if hasattr(source, "aclose"):
                run(source.aclose())


async def _next(source):
    return await source.__anext__()


def answer_event(call, result):
    """Answer an event call with the result as JSON, spelled as Lambda does."""
    if isinstance(result, bytes):
        call.answer(b'{"status":200,"headers":[["content-type","application/unknown"]]}', result)
        return
    call.answer(payload.JSON_HEAD, marshal_json.event_json(result))


def set_trace(head):
    """Keep the X-Ray variable as AWS's client does: one per call."""
    trace = head.get("trace") and payload.xray(head["trace"])
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    elif "_X_AMZN_TRACE_ID" in os.environ:
        del os.environ["_X_AMZN_TRACE_ID"]


class RequestFilter(logging.Filter):
    """Gives each log record the id of the call it belongs to."""

    def __init__(self, logs):
        logging.Filter.__init__(self)
        self._logs = logs

    def filter(self, record):
        server = self._logs.server
        call = server.current if server is not None else None
        record.aws_request_id = call.request_id if call is not None else ""
        record.tenant_id = None
        return True


class LogHandler(logging.Handler):
    """Writes formatted records to standard output, whole."""

    def __init__(self, logs):
        logging.Handler.__init__(self)
        self._logs = logs

    def emit(self, record):
        try:
            text = self.format(record)
            if not text.endswith("\n"):
                text += "\n"
            self._logs.write(1, text.encode("utf-8", "backslashreplace"))
        except Exception:
            self.handleError(record)


class JSONFormatter(logging.Formatter):
    """Lambda's JSON log format."""

    def format(self, record):
        from json import dumps

        seconds = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        plain = isinstance(record.msg, dict) and not record.args
        line = {"timestamp": seconds, "level": record.levelname,
                "message": record.msg if plain else record.getMessage(), "logger": record.name}
        if record.exc_info:
            import traceback

            kind, value, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"] = kind.__name__ if kind else None
            line["errorMessage"] = str(value)
            line["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
        line["requestId"] = record.aws_request_id
        for key, value in record.__dict__.items():
            if key not in _RECORD_FIELDS and key not in line:
                line[key] = value
        return dumps(line, ensure_ascii=False, default=str) + "\n"


_RECORD_FIELDS = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message", "asctime", "aws_request_id", "tenant_id", "taskName"}


def install_logging(logs, env):
    """Put Lambda's handler on the root logger, and give it."""
    logging.Formatter.converter = time.gmtime
    handler = LogHandler(logs)
    if env.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
            "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(RequestFilter(logs))
    root = logging.getLogger()
    level = env.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = "DEBUG" if level == "TRACE" else level
    if level in ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "NOTSET"):
        root.setLevel(level)
    root.addHandler(handler)
    return handler


class TentativeLogging:
    """Lambda's logging, for as long as the dialect is not known: a with block around
    loading. Lambda's libraries look for its handler when they are imported, while
    everyone else's basicConfig must not find it there."""

    def __init__(self, logs, env):
        self._logs = logs
        self._env = env
        self._wanted = []  # what basicConfig was called with meanwhile
        self._original = logging.basicConfig

    def __enter__(self):
        self._handler = install_logging(self._logs, self._env)
        logging.basicConfig = self._basic_config
        return self

    def _basic_config(self, **options):
        self._wanted.append(options)
        self._original(**options)

    def __exit__(self, *_):
        logging.basicConfig = self._original

    def withdraw(self):
        """It is not Lambda: let everything be as if the handler had never been."""
        root = logging.getLogger()
        root.removeHandler(self._handler)
        logging.Formatter.converter = time.localtime
        if not root.handlers:
            for options in self._wanted:
                self._original(**options)
