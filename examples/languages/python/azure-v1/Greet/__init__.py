# SPDX-License-Identifier: Apache-2.0
import azure.functions as func


def main(req: func.HttpRequest) -> func.HttpResponse:
    name = req.route_params.get("name") or req.get_body().decode() or "stranger"
    return func.HttpResponse("hello " + name)
