"""Makes a thumbnail of the picture in the body. A plain AWS Lambda handler."""
import base64
import io

from PIL import Image, UnidentifiedImageError

LARGEST = 1024


def handler(event, context):
    query = event.get("queryStringParameters") or {}
    try:
        width = int(query.get("width", 128))
    except ValueError:
        return problem("width is not a number")
    if not 1 <= width <= LARGEST:
        return problem(f"width must be between 1 and {LARGEST}")

    body = event.get("body") or ""
    data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (UnidentifiedImageError, OSError):
        return problem("the body is not a picture")

    height = max(1, round(picture.height * width / picture.width))
    small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG")
    print(f"{picture.width}x{picture.height} -> {width}x{height}")
    return {
        "statusCode": 200,
        "headers": {"content-type": "image/png"},
        "isBase64Encoded": True,
        "body": base64.b64encode(out.getvalue()).decode(),
    }


def problem(message):
    return {"statusCode": 400, "headers": {"content-type": "text/plain"}, "body": message + "\n"}
