// SPDX-License-Identifier: Apache-2.0

package functions

import com.google.cloud.functions.HttpFunction
import com.google.cloud.functions.HttpRequest
import com.google.cloud.functions.HttpResponse

class Greet : HttpFunction {
    override fun service(request: HttpRequest, response: HttpResponse) {
        val name = request.getFirstQueryParameter("name").orElse("world")
        response.setContentType("text/plain")
        response.writer.write("${request.method} hello $name\n")
    }
}
