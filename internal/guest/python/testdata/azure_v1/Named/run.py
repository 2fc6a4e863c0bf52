# SPDX-License-Identifier: Apache-2.0
import azure.functions as func


def go(request, res: func.Out) -> None:
    res.set(func.HttpResponse("out " + request.form["a"]))
