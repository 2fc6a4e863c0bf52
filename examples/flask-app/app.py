import os

from flask import Flask, jsonify, redirect, render_template, request, url_for

app = Flask(__name__)


@app.route("/")
def index():
    return render_template("index.html", name=request.args.get("name", "stranger"))


@app.route("/sum", methods=["POST"])
def total():
    numbers = request.get_json()
    return jsonify(sum=sum(numbers))


@app.route("/old")
def old():
    return redirect(url_for("index"))


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", 5000)))
