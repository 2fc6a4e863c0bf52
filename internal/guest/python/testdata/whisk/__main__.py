# SPDX-License-Identifier: Apache-2.0
import beside


def main(args):
    return {"name": args.get("name", beside.NAME), "module": __name__}
