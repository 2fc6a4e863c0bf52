# SPDX-License-Identifier: Apache-2.0
from http.server import BaseHTTPRequestHandler


class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-type", "text/plain")
        self.send_header("X-Seen", self.headers.get("X-A", "none"))
        self.end_headers()
        self.wfile.write(("GET " + self.path).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(body.upper())
