# SPDX-License-Identifier: Apache-2.0
"""Background events, which Cloud Functions had before CloudEvents, and what each is as
the other. Firebase, Firestore, Pub/Sub and Storage are known."""
import re

from .cloudevent import CloudEvent, parts

PUBSUB_TYPE = "type.googleapis.com/google.pubsub.v1.PubsubMessage"
_PUBSUB = "pubsub.googleapis.com"
_STORAGE = "storage.googleapis.com"
_FIRESTORE = "firestore.googleapis.com"
_AUTH = "firebaseauth.googleapis.com"
_ANALYTICS = "firebase.googleapis.com"
_DATABASE = "firebasedatabase.googleapis.com"

_TYPES = {
    "google.pubsub.topic.publish": "google.cloud.pubsub.topic.v1.messagePublished",
    "providers/cloud.pubsub/eventTypes/topic.publish":
        "google.cloud.pubsub.topic.v1.messagePublished",
    "google.storage.object.finalize": "google.cloud.storage.object.v1.finalized",
    "google.storage.object.delete": "google.cloud.storage.object.v1.deleted",
    "google.storage.object.archive": "google.cloud.storage.object.v1.archived",
    "google.storage.object.metadataUpdate": "google.cloud.storage.object.v1.metadataUpdated",
    "providers/cloud.storage/eventTypes/object.change":
        "google.cloud.storage.object.v1.finalized",
    "providers/cloud.firestore/eventTypes/document.write":
        "google.cloud.firestore.document.v1.written",
    "providers/cloud.firestore/eventTypes/document.create":
        "google.cloud.firestore.document.v1.created",
    "providers/cloud.firestore/eventTypes/document.update":
        "google.cloud.firestore.document.v1.updated",
    "providers/cloud.firestore/eventTypes/document.delete":
        "google.cloud.firestore.document.v1.deleted",
    "providers/firebase.auth/eventTypes/user.create": "google.firebase.auth.user.v1.created",
    "providers/firebase.auth/eventTypes/user.delete": "google.firebase.auth.user.v1.deleted",
    "providers/google.firebase.analytics/eventTypes/event.log":
        "google.firebase.analytics.log.v1.written",
    "providers/google.firebase.database/eventTypes/ref.create":
        "google.firebase.database.ref.v1.created",
    "providers/google.firebase.database/eventTypes/ref.write":
        "google.firebase.database.ref.v1.written",
    "providers/google.firebase.database/eventTypes/ref.update":
        "google.firebase.database.ref.v1.updated",
    "providers/google.firebase.database/eventTypes/ref.delete":
        "google.firebase.database.ref.v1.deleted",
}
# The way back: of two old names the newer, which stands first.
_BACK = {}
for _old, _new in _TYPES.items():
    _BACK.setdefault(_new, _old)
_SERVICES = (
    ("providers/cloud.firestore/", _FIRESTORE),
    ("providers/google.firebase.analytics/", _ANALYTICS),
    ("providers/firebase.auth/", _AUTH), ("providers/google.firebase.database/", _DATABASE),
    ("providers/cloud.pubsub/", _PUBSUB), ("providers/cloud.storage/", _STORAGE),
    ("google.pubsub", _PUBSUB), ("google.storage", _STORAGE),
)
_RESOURCES = {
    _ANALYTICS: re.compile(r"^(projects/[^/]+)/(events/[^/]+)$"),
    _DATABASE: re.compile(r"^projects/_/(instances/[^/]+)/(refs/.+)$"),
    _FIRESTORE: re.compile(r"^(projects/[^/]+/databases/\(default\))/(documents/.+)$"),
    _STORAGE: re.compile(r"^(projects/_/buckets/[^/]+)/(objects/.+)$"),
}
_AUTH_FIELDS = {"createdAt": "createTime", "lastSignedInAt": "lastSignInTime"}
_topic = re.compile(r"projects/[^/?]+/topics/[^/?]+").search
_source = re.compile(r"//([^/]+)/(.+)").fullmatch


class NotConvertible(ValueError):
    """An event of one kind that is none of the other."""


class Context:
    """The second argument of a background function."""

    def __init__(self, eventId="", timestamp="", eventType="", resource=""):
        self.event_id = eventId
        self.timestamp = timestamp
        self.event_type = eventType
        self.resource = resource

    def __str__(self):
        return "{event_id: %s, timestamp: %s, event_type: %s, resource: %s}" % (
            self.event_id, self.timestamp, self.event_type, self.resource)


def read(value, path, now):
    """Data and context of a body that is read already, as a dict of the two."""
    if not isinstance(value, dict):
        raise NotConvertible("the body is no JSON object")
    if isinstance(value.get("message"), dict) and "subscription" in value:
        return _push(value["message"], path, now)
    if "data" not in value:
        raise NotConvertible("the body has no data")
    context = value.get("context")
    if context is None:
        # The oldest form: the context's fields beside the data.
        context = {k: v for k, v in value.items() if k != "data"}
    if not isinstance(context, dict):
        raise NotConvertible("context is no object")
    known = ("eventId", "timestamp", "eventType", "resource")
    return value["data"], {name: context.get(name, "") for name in known}, value.get("domain")


def _push(message, path, now):
    """Of what Pub/Sub pushes."""
    if "messageId" not in message and "message_id" not in message:
        raise NotConvertible("the message has no messageId")
    found = _topic(path)
    return {
        "@type": PUBSUB_TYPE, "data": message.get("data", ""),
        "attributes": message.get("attributes") or {},
    }, {
        "eventId": message.get("messageId") or message.get("message_id"),
        "timestamp": message.get("publishTime") or now,
        "eventType": "google.pubsub.topic.publish",
        "resource": {"service": _PUBSUB, "type": PUBSUB_TYPE,
                     "name": found.group(0) if found else ""},
    }, None


def to_cloudevent(data, context, domain, make=CloudEvent):
    """The CloudEvent that a background event is."""
    kind = _TYPES.get(context["eventType"])
    if kind is None:
        raise NotConvertible('Unable to find CloudEvent equivalent type for "%.100s"'
                             % (context["eventType"],))
    service, resource, subject = _split(context)
    if service == _PUBSUB:
        data = {"message": dict(data, messageId=context["eventId"],
                                publishTime=context["timestamp"])}
    elif service == _AUTH and isinstance(data, dict):
        if isinstance(data.get("metadata"), dict):
            data = dict(data, metadata={_AUTH_FIELDS.get(k, k): v
                                        for k, v in data["metadata"].items()})
        if "uid" in data:
            subject = "users/%s" % data["uid"]
    elif service == _DATABASE:
        if domain is None:
            raise NotConvertible("Invalid FirebaseDB event payload: missing 'domain'")
        location = "us-central1" if domain == "firebaseio.com" else domain.partition(".")[0]
        resource = "projects/_/locations/%s/%s" % (location, resource)
    attributes = {"specversion": "1.0", "id": context["eventId"], "type": kind,
                  "source": "//%s/%s" % (service, resource),
                  "datacontenttype": "application/json"}
    if subject:
        attributes["subject"] = subject
    if context["timestamp"]:
        attributes["time"] = context["timestamp"]
    return make(attributes, data)


def _split(context):
    """Service, resource and subject of a context."""
    resource, service = context["resource"], ""
    if isinstance(resource, dict):
        service, resource = resource.get("service", ""), resource.get("name", "")
    if not service:
        for prefix, name in _SERVICES:
            if context["eventType"].startswith(prefix):
                service = name
                break
    pattern = _RESOURCES.get(service)
    if pattern is None:
        return service, resource, ""
    match = pattern.match(str(resource))
    if match is None:
        raise NotConvertible("Resource regex did not match: %.100s" % (resource,))
    return service, match.group(1), match.group(2)


def of_cloudevent(event):
    """Data and context of a CloudEvent, as a background event has them."""
    attributes, data = parts(event)
    match = _source(str(attributes.get("source", "")))
    kind = _BACK.get(attributes.get("type"))
    if kind is None or match is None:
        raise NotConvertible('Unable to find background event equivalent type for "%.100s"'
                             % (attributes.get("type"),))
    service, name = match.groups()
    whole = name + "/" + str(attributes.get("subject", ""))
    if service == _PUBSUB:
        resource = {"service": service, "name": name, "type": PUBSUB_TYPE}
        if isinstance(data, dict) and isinstance(data.get("message"), dict):
            data = data["message"]
        if isinstance(data, dict):
            data = {k: v for k, v in data.items() if k not in ("messageId", "publishTime")}
    elif service == _AUTH:
        resource = name
        if isinstance(data, dict) and isinstance(data.get("metadata"), dict):
            back = {new: old for old, new in _AUTH_FIELDS.items()}
            data = dict(data, metadata={back.get(k, k): v for k, v in data["metadata"].items()})
    elif service == _STORAGE:
        what = data.get("kind") if isinstance(data, dict) else None
        resource = {"name": whole, "service": service, "type": what}
    elif service == _DATABASE:
        resource = re.sub("/locations/[^/]+", "", whole, count=1)
    else:
        resource = whole
    return data, Context(attributes.get("id", ""), attributes.get("time", ""), kind, resource)
