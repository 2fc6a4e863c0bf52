# SPDX-License-Identifier: Apache-2.0
import json


def main(args):
    print("got", json.dumps(args))
    if "bad" in args.get("data", {}):
        return {"error": "a bad event"}
    return {"done": True}
