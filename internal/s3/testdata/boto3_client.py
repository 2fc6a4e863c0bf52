# SPDX-License-Identifier: Apache-2.0
"""Works on a bucket with boto3 as applications do; ends with status 1 at the first surprise."""
import io
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET, KEY = "boto-bucket", "a b+c/ü%.txt"


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: got {got!r:.200}, want {want!r:.200}")


def code(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "none"


s3 = boto3.client("s3")
v4 = boto3.client("s3", config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket=BUCKET)
s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"hello", Metadata={"x": "y"}, ContentType="text/plain")
got = s3.get_object(Bucket=BUCKET, Key=KEY)
expect("get", (got["Body"].read(), got["Metadata"], got["ContentType"]), (b"hello", {"x": "y"}, "text/plain"))
expect("range", s3.get_object(Bucket=BUCKET, Key=KEY, Range="bytes=1-2")["Body"].read(), b"el")

large, back = os.urandom(17 << 20), io.BytesIO()
s3.upload_fileobj(io.BytesIO(large), BUCKET, "large", Config=TransferConfig(multipart_threshold=8 << 20))
s3.download_fileobj(BUCKET, "large", back)
expect("multipart", back.getvalue() == large, True)

pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1})
keys = [entry["Key"] for page in pages for entry in page["Contents"]]
expect("list", keys, [KEY, "large"])
expect("first list", [entry["Key"] for entry in s3.list_objects(Bucket=BUCKET)["Contents"]], keys)

for client in s3, v4:
    url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=60)
    expect("presigned get", urllib.request.urlopen(url).read(), b"hello")
    url = client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "put"}, ExpiresIn=60)
    request = urllib.request.Request(url, data=b"put", method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(request).read()
    expect("presigned put", s3.get_object(Bucket=BUCKET, Key="put")["Body"].read(), b"put")

post = v4.generate_presigned_post(BUCKET, "form/f.txt", Conditions=[["content-length-range", 1, 100]])
lines = []
for name, value in post["fields"].items():
    lines += ["--edge", f'Content-Disposition: form-data; name="{name}"', "", value]
lines += ["--edge", 'Content-Disposition: form-data; name="file"; filename="f.txt"',
          "Content-Type: text/plain", "", "by form", "--edge--", ""]
request = urllib.request.Request(post["url"], data="\r\n".join(lines).encode(), method="POST",
                                 headers={"Content-Type": "multipart/form-data; boundary=edge"})
expect("form", urllib.request.urlopen(request).status, 204)
expect("what the form put", s3.get_object(Bucket=BUCKET, Key="form/f.txt")["Body"].read(), b"by form")

s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": KEY})
expect("copy", s3.head_object(Bucket=BUCKET, Key="copy")["ContentType"], "text/plain")
tags = [{"Key": "k", "Value": "v"}]
s3.put_object_tagging(Bucket=BUCKET, Key="copy", Tagging={"TagSet": tags})
expect("tags", s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"], tags)

s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
first = s3.put_object(Bucket=BUCKET, Key="v", Body=b"1")["VersionId"]
s3.put_object(Bucket=BUCKET, Key="v", Body=b"2")
expect("version", s3.get_object(Bucket=BUCKET, Key="v", VersionId=first)["Body"].read(), b"1")
expect("only when new", code(lambda: s3.put_object(Bucket=BUCKET, Key="v", Body=b"3", IfNoneMatch="*")),
       "PreconditionFailed")

rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]
s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": rules})
expect("cors", s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"][0]["AllowedOrigins"], ["https://a.example"])

for want, call in {
    "NoSuchKey": lambda: s3.get_object(Bucket=BUCKET, Key="never"),
    "NoSuchBucket": lambda: s3.list_objects_v2(Bucket="never"),
    "BucketNotEmpty": lambda: s3.delete_bucket(Bucket=BUCKET),
    "NoSuchBucketPolicy": lambda: s3.get_bucket_policy(Bucket=BUCKET),
    "NoSuchLifecycleConfiguration": lambda: s3.get_bucket_lifecycle_configuration(Bucket=BUCKET),
    "AccessControlListNotSupported": lambda: s3.put_object(Bucket=BUCKET, Key="p", Body=b"", ACL="public-read"),
    "NotImplemented": lambda: s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={
        "Rules": [{"ID": "r", "Prefix": "", "Status": "Enabled", "Expiration": {"Days": 1}}]}),
}.items():
    expect("refusal", code(call), want)

all_ = s3.list_object_versions(Bucket=BUCKET)
ids = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in all_.get("Versions", []) + all_.get("DeleteMarkers", [])]
done = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": ids})
expect("deleted", (len(done["Deleted"]), done.get("Errors", [])), (len(ids), []))
s3.delete_bucket(Bucket=BUCKET)
print("all as expected")
