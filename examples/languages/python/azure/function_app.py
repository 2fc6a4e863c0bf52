# SPDX-License-Identifier: Apache-2.0
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    name = req.params.get("name")
    if not name:
        return func.HttpResponse("Pass a name in the query string", status_code=400)
    return func.HttpResponse(f"Hello, {name}")


@app.route(route="items/{id:int}", methods=["GET", "DELETE"])
async def item(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse('{"item": %s}' % req.route_params["id"], mimetype="application/json")


@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    print("tick")
