# SPDX-License-Identifier: Apache-2.0


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield ("%(REQUEST_METHOD)s %(PATH_INFO)s\n" % environ).encode()
    yield body
