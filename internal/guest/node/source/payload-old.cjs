// SPDX-License-Identifier: Apache-2.0
'use strict';

// AWS's older forms of HTTP for Lambda: API Gateway's payload 1.0, and those of its
// load balancer. Their gateways refuse results that the newer one would take.

const prim = require('./prim.cjs');
const payload = require('./payload.cjs');
const route = require('./route.cjs');

const ACCOUNT = '000000000000'; // accounts are twelve digits; functions here have none
const STAGE = '$default';
const FORM = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i;
const V1 = ['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'];
const ALB = ['statusCode', 'statusDescription', ...V1.slice(1)];

/** The functions {eventOf, answerOf} of a payload. */
function of(version) {
  if (version === '1.0') return { eventOf: eventV1, answerOf: (result) => answer(result, V1) };
  const isMulti = version === 'alb-multi';
  return {
    eventOf: (head, body, spec) => eventALB(head, body, spec, isMulti),
    answerOf(result) {
      result = payload.plain(result);
      if (isObject(result) && !prim.hasOwn(result, 'statusCode')) {
        throw new payload.Malformed('the result has no statusCode');
      }
      return answer(result, ALB);
    },
  };
}

function isObject(v) {
  return v !== null && typeof v === 'object' && !prim.isArray(v);
}

function answer(result, known) {
  result = payload.plain(result);
  const names = isObject(result) ? prim.keys(result) : [];
  if (names.length === 0) {
    throw new payload.Malformed('the result must be an object with a statusCode, got ' +
      payload.show(result));
  }
  for (const name of names) {
    if (known.indexOf(name) < 0) {
      throw new payload.Malformed(`the result has a member "${name}"; known are ` + known.join(', '));
    }
  }
  const { body } = result;
  if (body !== undefined && body !== null && typeof body !== 'string') {
    throw new payload.Malformed('body must be a string, got ' + payload.show(body));
  }
  return payload.shaped(prim.hasOwn(result, 'statusCode') ? result : { ...result, statusCode: 200 });
}

// collect gives pairs as {single, multi}: the last value, and all of them.
function collect(pairs, spell) {
  const single = {};
  const multi = {};
  for (const [name, value] of pairs) {
    const key = spell(name);
    payload.put(single, key, value);
    if (prim.hasOwn(multi, key)) prim.push(multi[key], value);
    else payload.put(multi, key, [value]);
  }
  return { single, multi };
}

// canonical spells a header as nearly all clients do: what they wrote is not known.
function canonical(name) {
  return name.replace(/(^|-)([a-z])/g, (all, dash, letter) => dash + letter.toUpperCase());
}

const same = (name) => name;

function eventV1(head, body, spec) {
  const sent = payload.headerPairs(head);
  const { key, params, principal } = route.routeOf(sent);
  const headers = collect(sent.filter(([name]) => !route.isOurs(name)), canonical);
  const pairs = payload.queryPairs(head.query || '', payload.unescapeQuery);
  const query = pairs.length === 0 ? null : collect(pairs, same);
  const rest = head.path.replace(/^\//, '').replace(/\/$/, '');
  let resource = rest === '' ? '/' : '/{proxy+}';
  let captured = rest === '' ? null : { proxy: rest };
  if (key) {
    resource = route.pathOf(key);
    captured = params === undefined ? null : params;
  }
  const event = {
    resource, path: head.path, httpMethod: head.method,
    headers: headers.single, multiValueHeaders: headers.multi,
    queryStringParameters: query && query.single,
    multiValueQueryStringParameters: query && query.multi,
    pathParameters: captured, stageVariables: null,
    requestContext: contextV1(head, spec, resource, headers.single['User-Agent']),
    body: null,
  };
  if (principal !== undefined) event.requestContext.authorizer = route.authorizer1(principal);
  const type = headers.single['Content-Type'];
  const isText = type === undefined || payload.isText(type) || prim.test(FORM, type);
  payload.putText(event, body, isText && isPlain(headers.single['Content-Encoding']));
  return event;
}

function contextV1(head, spec, resource, userAgent) {
  const domain = payload.hostnameOf(head.host || 'localhost');
  return {
    accountId: ACCOUNT, apiId: spec.function, domainName: domain,
    domainPrefix: prim.split(domain, '.')[0], extendedRequestId: head.id, httpMethod: head.method,
    identity: {
      accessKey: null, accountId: null, caller: null, cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null, cognitoIdentityId: null, cognitoIdentityPoolId: null,
      principalOrgId: null, sourceIp: head.remote, user: null,
      userAgent: userAgent === undefined ? null : userAgent, userArn: null,
    },
    path: (head.prefix || '') + head.path, protocol: 'HTTP/1.1', requestId: head.id,
    requestTime: payload.timeOf(head.received_ms), requestTimeEpoch: head.received_ms,
    resourceId: spec.function, resourcePath: resource, stage: STAGE,
  };
}

function isPlain(encoding) {
  return encoding === undefined || encoding === '' || encoding === 'identity';
}

function eventALB(head, body, spec, isMulti) {
  const headers = collect(payload.headerPairs(head), same);
  const query = collect(payload.queryPairs(head.query || '', same), same); // undecoded there
  const event = {
    requestContext: {
      elb: {
        targetGroupArn: `arn:aws:elasticloadbalancing:us-east-1:${ACCOUNT}:targetgroup/` +
          `${spec.function}/0000000000000000`,
      },
    },
    httpMethod: head.method, path: head.path,
  };
  if (isMulti) {
    event.multiValueQueryStringParameters = query.multi;
    event.multiValueHeaders = headers.multi;
  } else {
    event.queryStringParameters = query.single;
    event.headers = headers.single;
  }
  event.body = '';
  const type = headers.single['content-type'];
  const isText = type !== undefined && payload.isText(type);
  payload.putText(event, body, isText && isPlain(headers.single['content-encoding']));
  return event;
}

module.exports = { of };
