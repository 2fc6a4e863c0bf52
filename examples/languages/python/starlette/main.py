# SPDX-License-Identifier: Apache-2.0
import contextlib

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"started": True}


async def index(request):
    return JSONResponse({"started": request.state.started, "path": request.url.path})


async def item(request):
    return PlainTextResponse("item %d" % request.path_params["number"])


async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


app = Starlette(lifespan=lifespan, routes=[
    Route("/", index), Route("/items/{number:int}", item), WebSocketRoute("/echo", echo)])
