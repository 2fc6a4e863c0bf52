// SPDX-License-Identifier: Apache-2.0

// The nightly report: how many pictures and thumbnails there are, and how large. A handler
// of scheduled events that speaks S3 by the SDK.
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const s3 = new S3Client({});

export async function handler(event) {
  const day = event.time.slice(0, 10);
  const lines = [];
  for (const bucket of ['uploads', 'thumbnails']) lines.push(await summary(bucket));
  await s3.send(new PutObjectCommand({
    Bucket: 'reports', Key: day + '.txt', Body: lines.join('\n') + '\n', ContentType: 'text/plain',
  }));
  return { day, lines };
}

async function summary(bucket) {
  let count = 0;
  let bytes = 0;
  let token;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const object of page.Contents ?? []) {
      count += 1;
      bytes += object.Size;
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return `${bucket}: ${count} objects, ${bytes} bytes`;
}
