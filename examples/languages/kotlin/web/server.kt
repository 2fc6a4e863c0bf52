// SPDX-License-Identifier: Apache-2.0

package web

import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress
import java.util.concurrent.Executors

fun main() {
    val port = System.getenv("PORT")?.toInt() ?: 8080
    val server = HttpServer.create(InetSocketAddress(port), 0)
    server.executor = Executors.newCachedThreadPool()
    server.createContext("/") { exchange ->
        val body = "hello from kotlin ${exchange.requestMethod} ${exchange.requestURI.path}\n".toByteArray()
        exchange.responseHeaders.set("content-type", "text/plain")
        exchange.sendResponseHeaders(200, body.size.toLong())
        exchange.responseBody.use { it.write(body) }
    }
    server.start()
}
