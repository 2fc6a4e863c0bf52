# SPDX-License-Identifier: Apache-2.0
import azure.functions as func


def main(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("item %s" % req.route_params.get("id", "none"), status_code=202)
