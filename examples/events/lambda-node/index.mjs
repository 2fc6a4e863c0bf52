// SPDX-License-Identifier: Apache-2.0

// As in AWS's documentation of partial batch responses, and for other sources: the event.
export const handler = async (event, context) => {
  console.log('got', JSON.stringify(event));
  if (!event.Records?.[0]?.messageId) return 'done';
  const batchItemFailures = [];
  for (const record of event.Records) {
    try {
      await processMessageAsync(record, context);
    } catch (error) {
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
};

async function processMessageAsync(record, context) {
  if (record.body.includes('bad')) throw new Error('There is an error in the SQS Message.');
}
