# SPDX-License-Identifier: Apache-2.0
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # In one piece: several requests are served at once.
        print("got %s %s\n" % (self.path, json.dumps(request["Data"])), end="", flush=True)
        is_bad = "bad" in json.dumps(request["Data"])
        self.answer(500 if is_bad else 200, {"Outputs": {}, "Logs": [], "ReturnValue": None})

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
