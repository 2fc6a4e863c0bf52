from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    name: str
    price: float


@app.get("/items/{number}")
async def read(number: int, q: str | None = None):
    return {"number": number, "q": q}


@app.post("/items", status_code=201)
async def create(item: Item):
    return {"name": item.name, "with_tax": round(item.price * 1.2, 2)}


@app.get("/count")
async def count():
    async def lines():
        for i in range(3):
            yield f"{i}\n"

    return StreamingResponse(lines(), media_type="text/plain")
