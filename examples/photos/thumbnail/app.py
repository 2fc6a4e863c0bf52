# SPDX-License-Identifier: Apache-2.0
"""Makes a thumbnail of each picture that is put into the bucket. A plain handler of S3's
notifications: boto3 finds the buckets by the environment."""
import io
import os
import urllib.parse

import boto3
from PIL import Image

WIDTH = 128
s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        picture = Image.open(s3.get_object(Bucket=bucket, Key=key)["Body"])
        height = max(1, round(picture.height * WIDTH / picture.width))
        small = io.BytesIO()
        picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).save(small, "PNG")
        s3.put_object(Bucket="thumbnails", Key=key, Body=small.getvalue(), ContentType="image/png",
                      Metadata={"original": "%dx%d" % picture.size})
        print("%s: %dx%d -> %dx%d" % (key, *picture.size, WIDTH, height))
