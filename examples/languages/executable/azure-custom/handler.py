# SPDX-License-Identifier: Apache-2.0
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def hello(data):
    name = data["req"]["Query"].get("name", "World")
    if name == "nobody":
        raise ValueError("nobody is there")
    return {"Outputs": {"res": {"statusCode": 200, "body": "Hello " + name, "headers": {"X-By": "custom"}}}, "Logs": ["said hello"]}


def item(data):
    answer = {"id": data["req"]["Params"]["id"], "body": data["req"]["Body"]}
    return {"ReturnValue": {"statusCode": "201", "body": answer}}


def notify(data):
    if json.loads(data["message"]) != "ping":
        raise ValueError("the message is " + data["message"])
    return {"Logs": ["notified"]}


FUNCTIONS = {"/Hello": hello, "/Item": item, "/Notify": notify}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.answer(200, FUNCTIONS[self.path](request["Data"]))
        except ValueError as error:
            self.answer(500, {"message": str(error)})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


port = int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
