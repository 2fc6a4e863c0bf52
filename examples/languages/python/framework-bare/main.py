# SPDX-License-Identifier: Apache-2.0
"""For functions-framework, deployed without it."""
import functions_framework


@functions_framework.http
def hello(request):
    if request.method == "POST":
        return {"json": request.get_json(silent=True), "form": request.form.get("a")}, 201
    return "Hello %s!" % request.args.get("name", "World"), 200, {"X-Path": request.path}
