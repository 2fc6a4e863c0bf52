# SPDX-License-Identifier: Apache-2.0


def main(args):
    name = args.get("name", "stranger")
    if name == "nobody":
        return {"error": {"statusCode": 404, "body": "there is nobody"}}
    return {"greeting": "Hello " + name, "method": args["__ow_method"]}
