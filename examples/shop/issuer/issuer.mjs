// SPDX-License-Identifier: Apache-2.0

// An issuer of tokens for trying the shop out, on this machine only: it asks nobody for a
// password. It prints a token for the name that it is given, good for a day, and serves the
// key by which the gateway checks it until it is stopped. Its key is new each time.
//
//   node issuer.mjs [NAME] [PORT]
import { createServer } from 'node:http';
import { generateKeyPairSync, sign } from 'node:crypto';

const [name = 'ann', port = '9400'] = process.argv.slice(2);
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const kid = Date.now().toString(36);
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(issuer) {
  const now = Math.floor(Date.now() / 1000);
  const text = encode({ alg: 'ES256', typ: 'JWT', kid }) + '.' +
    encode({ iss: issuer, aud: 'shop', sub: name, iat: now, exp: now + 86400 });
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return text + '.' + signature.toString('base64url');
}

const server = createServer((request, response) => {
  const documents = {
    '/.well-known/openid-configuration': { issuer: url(), jwks_uri: url() + '/keys' },
    '/keys': { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }] },
  };
  const found = documents[request.url];
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(found ?? {}));
});
const url = () => `http://127.0.0.1:${server.address().port}`;

server.listen(Number(port), '127.0.0.1', () => {
  console.log(`issuer ${url()}`);
  console.log(`token ${token(url())}`);
});
