# SPDX-License-Identifier: Apache-2.0
"""Stores clicks, a batch at a time. Written as for a queue of AWS: records in, the
identities of those that could not be stored out, and those alone come again."""
import http.client
import json
import os
import urllib.parse

base = urllib.parse.urlsplit(os.environ["DAYFLY_URL"])
headers = {"Authorization": "Bearer " + os.environ["DAYFLY_TOKEN"], "Content-Type": "application/json"}


def handler(event, context):
    connection = http.client.HTTPConnection(base.netloc, timeout=10)
    failed = []
    for record in event["Records"]:
        try:
            store(connection, record)
        except (OSError, ValueError, KeyError) as problem:
            print("not stored:", record["messageId"], problem)
            failed.append({"itemIdentifier": record["messageId"]})
            connection.close()
    connection.close()
    return {"batchItemFailures": failed}


def store(connection, record):
    """Writes one click under the identity of its message: a second delivery of the same
    message writes the same click again, and changes nothing."""
    click = json.loads(record["body"])
    key = urllib.parse.quote(click["code"], safe="") + "/" + record["messageId"]
    connection.request("PUT", base.path + "/kv/clicks/" + key, json.dumps(click), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 300:
        raise OSError("the store answered %d" % answer.status)
