// SPDX-License-Identifier: Apache-2.0
// Works on a bucket with the JavaScript SDK as applications do; throws at the first surprise.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

const require = createRequire(process.argv[2] + '/');
const {
  S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, ListObjectsV2Command, DeleteObjectsCommand,
  CreateMultipartUploadCommand, UploadPartCommand, CompleteMultipartUploadCommand, CopyObjectCommand,
  HeadObjectCommand, DeleteBucketCommand, PutObjectTaggingCommand, GetObjectTaggingCommand,
} = require('@aws-sdk/client-s3');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const s3 = new S3Client({ forcePathStyle: true });
const Bucket = 'js-bucket';
const text = async (out) => out.Body.transformToString();

await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: 'a b+c/ü%.txt', Body: 'hello', Metadata: { x: 'y' } }));
const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b+c/ü%.txt' }));
assert.equal(await text(got), 'hello');
assert.deepEqual(got.Metadata, { x: 'y' });
assert.equal(await text(await s3.send(new GetObjectCommand({ Bucket, Key: 'a b+c/ü%.txt', Range: 'bytes=1-2' }))), 'el');

const streamed = Readable.from([Buffer.alloc(70000, 'a'), Buffer.alloc(70000, 'b')]);
await s3.send(new PutObjectCommand({ Bucket, Key: 'streamed', Body: streamed, ContentLength: 140000 }));
assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'streamed' }))).ContentLength, 140000);

const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'large' }));
const parts = [];
for (const [index, Body] of [Buffer.alloc(5 << 20, 'x'), Buffer.from('tail')].entries()) {
  const PartNumber = index + 1;
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: 'large', UploadId, PartNumber, Body }));
  parts.push({ ETag, PartNumber });
}
await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'large', UploadId, MultipartUpload: { Parts: parts } }));
assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'large' }))).ContentLength, (5 << 20) + 4);

const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'by url' }), { expiresIn: 60 });
assert.equal((await fetch(put, { method: 'PUT', body: 'by url' })).status, 200);
const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'by url' }), { expiresIn: 60 });
assert.equal(await (await fetch(get)).text(), 'by url');

await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/by%20url` }));
await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'copy', Tagging: { TagSet: [{ Key: 'k', Value: 'v' }] } }));
assert.deepEqual((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'copy' }))).TagSet, [{ Key: 'k', Value: 'v' }]);
const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
assert.deepEqual(Contents.map((o) => o.Key), ['a b+c/ü%.txt', 'by url', 'copy', 'large', 'streamed']);
await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'never' })), { name: 'NoSuchKey' });
const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }));
assert.equal(Deleted.length, 5);
await s3.send(new DeleteBucketCommand({ Bucket }));
console.log('all as expected');
