import functions_framework


@functions_framework.http
def hello(request):
    name = request.args.get("name") or (request.get_json(silent=True) or {}).get("name", "World")
    return f"Hello {name}!"
