# SPDX-License-Identifier: Apache-2.0
"""A Flask application, as its users write it."""
from flask import Flask, Response, abort, jsonify, request, session, stream_with_context, url_for

app = Flask(__name__)
app.secret_key = "a test's key"


@app.route("/")
def index():
    return "index at " + url_for("item", number=7)


@app.route("/item/<int:number>", methods=["GET", "POST"])
def item(number):
    return jsonify(number=number, args=request.args.to_dict(), json=request.get_json(silent=True),
                   form=request.form.to_dict(), root=request.script_root, url=request.url)


@app.route("/upload", methods=["POST"])
def upload():
    file = request.files["file"]
    return {"name": file.filename, "size": len(file.read())}


@app.route("/stream")
def stream():
    def pieces():
        for i in range(3):
            yield "%d %s\n" % (i, request.args["q"])

    return Response(stream_with_context(pieces()), mimetype="text/plain")


@app.route("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.route("/missing")
def missing():
    abort(404, "nothing here")


@app.route("/crash")
def crash():
    app.logger.warning("about to crash")
    raise RuntimeError("crashed")
