// SPDX-License-Identifier: Apache-2.0

package functions

import com.google.cloud.functions.{HttpFunction, HttpRequest, HttpResponse}

class Receive extends HttpFunction {
  override def service(request: HttpRequest, response: HttpResponse): Unit = {
    val text = request.getReader.lines.toArray.mkString("+")
    response.setStatusCode(201)
    response.getWriter.write(s"${request.getMethod} $text\n")
  }
}
