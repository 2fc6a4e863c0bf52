// SPDX-License-Identifier: Apache-2.0

package shop

import io.ktor.http.HttpStatusCode
import io.ktor.server.cio.CIO
import io.ktor.server.engine.embeddedServer
import io.ktor.server.request.receiveText
import io.ktor.server.response.respondText
import io.ktor.server.routing.get
import io.ktor.server.routing.post
import io.ktor.server.routing.routing

fun main() {
    val port = System.getenv("PORT")?.toInt() ?: 8080
    embeddedServer(CIO, port = port) {
        routing {
            get("/") { call.respondText("hello from ktor\n") }
            post("/echo") { call.respondText(call.receiveText(), status = HttpStatusCode.Created) }
        }
    }.start(wait = true)
}
