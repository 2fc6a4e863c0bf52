// SPDX-License-Identifier: Apache-2.0

package greet

import com.amazonaws.services.lambda.runtime.Context
import com.amazonaws.services.lambda.runtime.RequestHandler

class Hello : RequestHandler<Map<String, Any?>, Map<String, Any?>> {
    override fun handleRequest(event: Map<String, Any?>, context: Context): Map<String, Any?> {
        val name = (event["queryStringParameters"] as? Map<*, *>)?.get("name") ?: "kotlin"
        return mapOf("statusCode" to 200, "headers" to mapOf("content-type" to "text/plain"), "body" to "hello from $name\n")
    }
}
