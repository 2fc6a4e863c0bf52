# SPDX-License-Identifier: Apache-2.0
"""CloudEvents 1.0 and how they travel over HTTP: binary, structured and in batches.
Stands in for cloudevents.http as well, hence its names."""
import base64
import datetime
import json
import re
import uuid
from urllib.parse import unquote_to_bytes

__all__ = ["CloudEvent", "from_http", "from_json", "from_dict", "to_binary", "to_structured",
           "to_json", "to_dict", "is_binary", "is_structured", "GenericException",
           "MissingRequiredFields", "InvalidRequiredFields", "InvalidStructuredJSON",
           "DataMarshallerError", "DataUnmarshallerError"]

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
EVENTS_MAX = 1000  # of a batch: whoever sends more can send two
_VERSIONS = ("1.0", "0.3")
_attribute = re.compile(r"[a-z0-9]+").fullmatch
_plain = re.compile(r'[\x21\x23\x24\x26-\x7e]*').fullmatch  # no space, quote or per cent
_quoted_pair = re.compile(r"\\(.)")


class GenericException(Exception):
    """What the others are."""


class MissingRequiredFields(GenericException):
    """An attribute that an event must have is not there."""


class InvalidRequiredFields(GenericException):
    """An attribute that an event must have is not valid."""


class InvalidStructuredJSON(GenericException):
    """The event is not JSON."""


class DataMarshallerError(GenericException):
    """The data cannot be written."""


class DataUnmarshallerError(GenericException):
    """The data cannot be read."""


class CloudEvent:
    """An event: attributes by name, and data."""

    def __init__(self, attributes, data=None):
        self._attributes = {str(k).lower(): v for k, v in dict(attributes).items()}
        self.data = data
        given = self._attributes
        if given.setdefault("specversion", "1.0") not in _VERSIONS:
            raise MissingRequiredFields("Invalid specversion: %s" % given["specversion"])
        given.setdefault("id", str(uuid.uuid4()))
        if "time" not in given:
            given["time"] = datetime.datetime.now(datetime.timezone.utc).isoformat()
        missing = [name for name in ("source", "type") if not given.get(name)]
        if missing:
            raise MissingRequiredFields("Missing required keys: %s" % sorted(missing))

    @classmethod
    def create(cls, attributes, data):
        """An event of attributes and data."""
        return cls(attributes, data)

    def get_attributes(self):
        """The attributes, not to be changed."""
        return dict(self._attributes)

    def get_data(self):
        """The data."""
        return self.data

    def get(self, key, default=None):
        """An attribute, or a default."""
        return self._attributes.get(key, default)

    def __getitem__(self, key):
        return self._attributes[key]

    def __setitem__(self, key, value):
        self._attributes[key] = value

    def __delitem__(self, key):
        del self._attributes[key]

    def __iter__(self):
        return iter(self._attributes)

    def __len__(self):
        return len(self._attributes)

    def __contains__(self, key):
        return key in self._attributes

    def __eq__(self, other):
        return (isinstance(other, CloudEvent) and self.data == other.data
                and self._attributes == other._attributes)

    __hash__ = None

    def __repr__(self):
        return str({"attributes": self._attributes, "data": self.data})


def _lower(headers):
    pairs = headers.items() if hasattr(headers, "items") else headers
    return {str(k).lower(): str(v) for k, v in pairs}


def is_binary(headers):
    """Whether headers carry an event's attributes."""
    headers = _lower(headers)
    return not is_structured(headers) and any(
        "ce-" + name in headers for name in ("specversion", "id", "source", "type"))


def is_structured(headers):
    """Whether the content type says that the body is an event."""
    return _lower(headers).get("content-type", "").lower().startswith("application/cloudevents")


def is_batch(headers):
    """Whether the content type says that the body is a list of events."""
    return _lower(headers).get("content-type", "").lower().startswith(
        "application/cloudevents-batch")


def _value(text):
    """A header's value as the attribute's: out of quotes, escapes decoded once."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = _quoted_pair.sub(r"\1", text[1:-1])
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequiredFields("a ce- header is no UTF-8: %.60r" % text) from None


def _escape(value):
    """An attribute's value as a header carries it."""
    text = value.isoformat() if hasattr(value, "isoformat") else (
        str(value).lower() if isinstance(value, bool) else str(value))
    if _plain(text):
        return text
    return "".join([c if _plain(c) else "".join("%%%02X" % b for b in c.encode("utf-8"))
                    for c in text])


def read_data(data):
    """Data as JSON when it is that, else as it is; None when there is none."""
    if not data:
        return None
    try:
        return json.loads(data)
    except (ValueError, TypeError):
        return data


def _checked(attributes):
    version = attributes.get("specversion")
    if version is None:
        raise MissingRequiredFields("Failed to find specversion in HTTP request")
    if version not in _VERSIONS:
        raise InvalidRequiredFields("Found invalid specversion %.20s" % version)
    missing = [n for n in ("id", "source", "type") if not attributes.get(n)]
    if missing:
        raise MissingRequiredFields("Missing required attributes: %s" % ", ".join(missing))
    for name in attributes:
        if not _attribute(name):
            raise InvalidRequiredFields("the attribute %.60r has no valid name" % name)


def from_http(headers, data=None, data_unmarshaller=None):
    """The event of a request's headers and body."""
    headers = _lower(headers)
    if not is_binary(headers):
        return from_json(data or b"", data_unmarshaller)
    attributes = {name[3:]: _value(value) for name, value in headers.items()
                  if name.startswith("ce-") and name != "ce-datacontenttype"}
    if headers.get("content-type"):
        attributes["datacontenttype"] = headers["content-type"]
    _checked(attributes)
    attributes.setdefault("time", None)
    return _event(attributes, (data_unmarshaller or read_data)(data))


def from_json(text, data_unmarshaller=None):
    """The event of a structured body."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        raise MissingRequiredFields("Failed to read specversion from both headers and data: "
                                    "the body is not JSON") from None
    return from_dict(value, data_unmarshaller)


def from_dict(value, data_unmarshaller=None):
    """The event of a structured body that is read already."""
    if not isinstance(value, dict):
        raise MissingRequiredFields("Failed to read specversion from both headers and data: "
                                    "the body is no object")
    attributes = {name: v for name, v in value.items()
                  if name not in ("data", "data_base64") and v is not None}
    _checked(attributes)
    attributes.setdefault("time", None)
    if value.get("data_base64") is not None:
        try:
            data = base64.b64decode(value["data_base64"], validate=True)
        except (ValueError, TypeError):
            raise InvalidRequiredFields("data_base64 is not base64") from None
        data = (data_unmarshaller or read_data)(data)
    else:
        data = value.get("data")
        if data_unmarshaller is not None:
            data = data_unmarshaller(json.dumps(data))
    return _event(attributes, data)


def _event(attributes, data):
    event = CloudEvent(attributes, data)
    if attributes.get("time") is None:
        del event["time"]
    return event


def parts(event):
    """Attributes and data of an event, ours or the package's; None when it is none."""
    attributes = getattr(event, "get_attributes", None) or getattr(event, "_get_attributes", None)
    if attributes is None or not hasattr(event, "data"):
        return None
    return {k: v for k, v in attributes().items() if v is not None}, event.data


def _bytes(data, marshaller):
    if marshaller is not None:
        data = marshaller(data)
    if data is None:
        return b""
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    if isinstance(data, str):
        return data.encode("utf-8")
    return json.dumps(data).encode("utf-8")


def to_binary(event, data_marshaller=None):
    """Headers and body of an event in the binary mode."""
    attributes, data = parts(event)
    headers = {"ce-" + name: _escape(value) for name, value in attributes.items()
               if name != "datacontenttype"}
    kind = attributes.get("datacontenttype")
    if kind is None and not isinstance(data, (bytes, bytearray, str, type(None))):
        kind = "application/json"
    if kind is not None:
        headers["content-type"] = kind
    return headers, _bytes(data, data_marshaller)


def to_dict(event, data_marshaller=None):
    """An event as a dict, as the structured mode has it."""
    attributes, data = parts(event)
    value = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in attributes.items()}
    if data_marshaller is not None:
        data = data_marshaller(data)
    if isinstance(data, (bytes, bytearray)):
        value["data_base64"] = base64.b64encode(data).decode("ascii")
    elif data is not None:
        value["data"] = data
    return value


def to_json(event, data_marshaller=None):
    """An event as JSON, as the structured mode has it."""
    return json.dumps(to_dict(event, data_marshaller)).encode("utf-8")


def to_structured(event, data_marshaller=None):
    """Headers and body of an event in the structured mode."""
    return {"content-type": STRUCTURED}, to_json(event, data_marshaller)
