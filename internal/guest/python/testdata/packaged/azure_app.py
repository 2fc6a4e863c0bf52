# SPDX-License-Identifier: Apache-2.0
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
more = func.Blueprint()


@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    name = req.params.get("name")
    if not name:
        try:
            name = req.get_json().get("name")
        except ValueError:
            return func.HttpResponse("who?", status_code=400)
    return func.HttpResponse(f"Hello, {name}", headers={"X-Seen": req.headers.get("x-a", "")})


@app.function_name(name="items")
@app.route(route="items/{id:int}", methods=["GET", func.HttpMethod.DELETE])
def one(req: func.HttpRequest, context: func.Context) -> str:
    return "%s %s %s" % (req.method, req.route_params["id"], context.function_name)


@app.route(route="items/{name}/{*rest}")
async def named(req):
    return func.HttpResponse(req.route_params["name"] + "|" + req.route_params.get("rest", "-"),
                             mimetype="text/html")


@app.route()
def raises(req):
    raise LookupError("no")


@app.route(route="nothing")
def nothing(req):
    return None


@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    raise AssertionError("no caller of HTTP reaches it")


@more.route(route="more", methods=["POST"])
def other(req):
    return func.HttpResponse(req.get_body()[::-1], mimetype="application/octet-stream")


app.register_functions(more)
