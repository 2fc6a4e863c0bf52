// SPDX-License-Identifier: Apache-2.0
'use strict';

// Google's background events, {data, context}, and what they are as CloudEvents: sources
// send the one or the other, and a function takes the one or the other.

const prim = require('./prim.cjs');

const PUBSUB = 'pubsub.googleapis.com';
const MESSAGE = 'type.googleapis.com/google.pubsub.v1.PubsubMessage';
const STORAGE = 'storage.googleapis.com';
const PUBLISHED = 'google.cloud.pubsub.topic.v1.messagePublished';
const PUBLISH = 'google.pubsub.topic.publish';

// The kinds: background event type → CloudEvent type.
const TYPES = {
  [PUBLISH]: PUBLISHED,
  'providers/cloud.pubsub/eventTypes/topic.publish': PUBLISHED,
  'google.storage.object.finalize': 'google.cloud.storage.object.v1.finalized',
  'google.storage.object.delete': 'google.cloud.storage.object.v1.deleted',
  'google.storage.object.archive': 'google.cloud.storage.object.v1.archived',
  'google.storage.object.metadataUpdate': 'google.cloud.storage.object.v1.metadataUpdated',
  'providers/cloud.firestore/eventTypes/document.write': 'google.cloud.firestore.document.v1.written',
  'providers/cloud.firestore/eventTypes/document.create': 'google.cloud.firestore.document.v1.created',
  'providers/cloud.firestore/eventTypes/document.update': 'google.cloud.firestore.document.v1.updated',
  'providers/cloud.firestore/eventTypes/document.delete': 'google.cloud.firestore.document.v1.deleted',
  'providers/firebase.auth/eventTypes/user.create': 'google.firebase.auth.user.v1.created',
  'providers/firebase.auth/eventTypes/user.delete': 'google.firebase.auth.user.v1.deleted',
  'providers/google.firebase.analytics/eventTypes/event.log': 'google.firebase.analytics.log.v1.written',
  'providers/google.firebase.database/eventTypes/ref.create': 'google.firebase.database.ref.v1.created',
  'providers/google.firebase.database/eventTypes/ref.write': 'google.firebase.database.ref.v1.written',
  'providers/google.firebase.database/eventTypes/ref.update': 'google.firebase.database.ref.v1.updated',
  'providers/google.firebase.database/eventTypes/ref.delete': 'google.firebase.database.ref.v1.deleted',
};

// Services by the beginning of a CloudEvent's type, and where their resource is cut
// into source and subject.
const SERVICES = [
  ['google.cloud.pubsub.', PUBSUB, null],
  ['google.cloud.storage.', STORAGE, /^(projects\/[^/]+\/buckets\/[^/]+)\/(objects\/.+)$/],
  ['google.cloud.firestore.', 'firestore.googleapis.com',
    /^(projects\/.+\/databases\/[^/]+)\/(documents\/.+)$/],
  ['google.firebase.auth.', 'firebaseauth.googleapis.com', null],
  ['google.firebase.analytics.', 'firebaseanalytics.googleapis.com',
    /^(projects\/[^/]+)\/(events\/[^/]+)$/],
  ['google.firebase.database.', 'firebasedatabase.googleapis.com',
    /^(projects\/.+\/instances\/[^/]+)\/(refs\/.+)$/],
];

/** The background event in a parsed body, push messages of Pub/Sub included; or null. */
function read(body, path) {
  if (body === null || typeof body !== 'object') return null;
  if (body.message !== undefined && typeof body.subscription === 'string') return pushed(body, path);
  if (body.data === undefined) return null;
  if (body.context !== undefined && typeof body.context === 'object') {
    return { data: body.data, context: body.context };
  }
  if (typeof body.eventType !== 'string') return null;
  const { data, ...context } = body; // the older form: the context beside the data
  return { data, context };
}

function pushed({ message, subscription }, path) {
  const topic = /projects\/[^/?]+\/topics\/[^/?]+/.exec(path || '');
  return {
    data: { '@type': MESSAGE, data: message.data, attributes: message.attributes || {} },
    context: {
      eventId: message.messageId, timestamp: message.publishTime || new Date().toISOString(),
      eventType: PUBLISH,
      resource: {
        service: PUBSUB, type: MESSAGE, name: topic ? topic[0] : 'UNKNOWN_PUBSUB_TOPIC',
      },
    },
    subscription,
  };
}

/** A background event as a CloudEvent. */
function toCloudEvent({ data, context, subscription }) {
  const type = TYPES[context.eventType] || context.eventType;
  const [service, name] = resourceOf(context);
  const known = SERVICES.find(([prefix]) => prim.startsWith(String(type), prefix));
  let source = name;
  let subject;
  const cut = known && known[2] !== null ? known[2].exec(name) : null;
  if (cut !== null) [, source, subject] = cut;
  const event = {
    specversion: '1.0', id: String(context.eventId), type: String(type),
    source: `//${service || (known ? known[1] : 'unknown')}/${source}`,
    time: context.timestamp, datacontenttype: 'application/json', data,
  };
  if (subject !== undefined) event.subject = subject;
  if (type === PUBLISHED) {
    const { '@type': _, ...message } = data;
    event.data = {
      message: { ...message, messageId: event.id, publishTime: context.timestamp },
    };
    if (subscription !== undefined) event.data.subscription = subscription;
  } else if (prim.startsWith(event.type, 'google.firebase.auth.') && data && data.uid) {
    event.subject = 'users/' + data.uid;
  }
  return event;
}

function resourceOf({ resource }) {
  if (typeof resource === 'string') {
    const full = /^\/\/([^/]+)\/(.*)$/.exec(resource);
    return full ? [full[1], full[2]] : ['', resource];
  }
  const name = resource && resource.name ? String(resource.name) : '';
  return [resource && resource.service ? String(resource.service) : '', name];
}

/** A CloudEvent as the two arguments of a background function: {data, context}. */
function fromCloudEvent(event) {
  const parts = /^\/\/([^/]+)\/(.*)$/.exec(event.source);
  const service = parts ? parts[1] : '';
  const source = parts ? parts[2] : event.source;
  let { data } = event;
  const resource = {
    service, name: event.subject ? source + '/' + event.subject : source,
  };
  if (event.type === PUBLISHED && data && data.message) {
    const { messageId, publishTime, message_id: _, publish_time: __, ...message } = data.message;
    data = { '@type': MESSAGE, ...message };
    resource.name = source;
    resource.type = MESSAGE;
  } else if (service === STORAGE && data && data.kind) {
    resource.type = data.kind;
  }
  const context = {
    eventId: event.id, timestamp: event.time, eventType: backgroundType(event.type),
    resource: parts ? resource : event.source,
  };
  return { data, context };
}

function backgroundType(type) {
  for (const name of prim.keys(TYPES)) if (TYPES[name] === type) return name;
  return type;
}

module.exports = { read, toCloudEvent, fromCloudEvent };
