// SPDX-License-Identifier: Apache-2.0

const functions = require('@google-cloud/functions-framework');

functions.cloudEvent('helloCloudEvents', (cloudevent) => {
  console.log('got', JSON.stringify(cloudevent));
  if (cloudevent.data && cloudevent.data.bad) throw new Error('a bad event');
});
