// SPDX-License-Identifier: Apache-2.0

function main(params) {
  console.log('got', JSON.stringify(params));
  const events = params.messages || [params];
  if (!params.messages && JSON.stringify(params).includes('bad')) return { error: 'a bad event' };
  return { batchItemFailures: events.filter((e) => e.data && e.data.bad).map((e) => ({ itemIdentifier: e.id })) };
}

exports.main = main;
