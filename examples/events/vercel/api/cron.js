// SPDX-License-Identifier: Apache-2.0

export default function handler(request, response) {
  console.log('got', request.method, request.url, request.headers['x-vercel-cron'], JSON.stringify(request.body || null));
  if (request.headers.authorization !== 'Bearer s3cret') return response.status(401).end('Unauthorized');
  response.status(200).end('Hello Cron!');
}
