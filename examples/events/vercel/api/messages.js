// SPDX-License-Identifier: Apache-2.0

export default function handler(request, response) {
  console.log('got', request.method, request.url, request.headers['ce-type'], request.headers['content-type'], JSON.stringify(request.body || null));
  const failed = Array.isArray(request.body) ? request.body.filter((e) => e.data.bad) : [];
  response.status(200).json({ batchItemFailures: failed.map((e) => ({ itemIdentifier: e.id })) });
}
