// SPDX-License-Identifier: Apache-2.0

package greet

import com.amazonaws.services.lambda.runtime.{Context, RequestHandler}
import java.util.{Map => JavaMap}

class Hello extends RequestHandler[JavaMap[String, Object], JavaMap[String, Object]] {
  override def handleRequest(event: JavaMap[String, Object], context: Context): JavaMap[String, Object] = {
    val path = event.get("rawPath")
    JavaMap.of("statusCode", Int.box(200), "headers", JavaMap.of("content-type", "text/plain"),
      "body", s"hello from scala $path\n")
  }
}
