#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Works on a bucket with the AWS CLI as people do; ends with the first surprise.
set -eu
cd "$1"
head -c 17000000 /dev/urandom >large
echo hello >"small one.txt"
aws s3 mb s3://cli-bucket
aws s3 cp --no-progress large s3://cli-bucket/large
aws s3 cp --no-progress s3://cli-bucket/large back
cmp large back
mkdir tree
cp "small one.txt" tree/a
cp "small one.txt" "tree/b+c %41"
aws s3 sync --no-progress tree s3://cli-bucket/tree
aws s3 ls --recursive s3://cli-bucket/tree | grep -F "tree/b+c %41"
aws s3 mv --no-progress s3://cli-bucket/tree/a s3://cli-bucket/moved
aws s3 cp --no-progress s3://cli-bucket/moved - | cmp - "small one.txt"
aws s3 presign s3://cli-bucket/moved
aws s3api head-object --bucket cli-bucket --key moved | grep -q ContentLength
aws s3api put-object-tagging --bucket cli-bucket --key moved --tagging 'TagSet=[{Key=k,Value=v}]'
aws s3api get-object-tagging --bucket cli-bucket --key moved | grep -q '"Value": "v"'
aws s3api get-object --bucket cli-bucket --key moved --range bytes=1-2 part >/dev/null
[ "$(cat part)" = el ]
aws s3 rm --recursive s3://cli-bucket >/dev/null
aws s3 rb s3://cli-bucket
echo all as expected
