# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application, as its users write it."""
import asyncio
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

made = {}


@asynccontextmanager
async def lifespan(app):
    made["at"] = "startup"
    yield {"shared": "state"}


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float


@app.get("/")
async def index(request: Request):
    return {"made": made["at"], "state": request.state.shared,
            "url": str(request.url_for("read", number=7)), "root": request.scope["root_path"]}


@app.get("/items/{number}")
def read(number: int, q: str = "none"):
    print("in a thread %d" % number)
    return {"number": number, "q": q}


@app.post("/items", status_code=201)
async def create(item: Item, tasks: BackgroundTasks):
    tasks.add_task(print, "background " + item.name)
    return item


@app.get("/stream")
async def stream():
    async def pieces():
        for i in range(3):
            yield "data: %d\n\n" % i
            await asyncio.sleep(0.001)

    return StreamingResponse(pieces(), media_type="text/event-stream")


@app.get("/missing")
async def missing():
    raise HTTPException(418, "short and stout")


@app.get("/crash")
async def crash():
    raise RuntimeError("crashed")


@app.middleware("http")
async def mark(request, call_next):
    response = await call_next(request)
    response.headers["x-marked"] = "yes"
    return response
