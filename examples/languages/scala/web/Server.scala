// SPDX-License-Identifier: Apache-2.0

package web

import com.sun.net.httpserver.{HttpExchange, HttpServer}
import java.net.InetSocketAddress
import java.util.concurrent.Executors

@main def serve(): Unit =
  val port = sys.env.getOrElse("PORT", "8080").toInt
  val server = HttpServer.create(InetSocketAddress(port), 0)
  server.setExecutor(Executors.newCachedThreadPool())
  server.createContext("/", exchange => answer(exchange))
  server.start()

def answer(exchange: HttpExchange): Unit =
  val body = s"hello from scala ${exchange.getRequestMethod} ${exchange.getRequestURI.getPath}\n".getBytes
  exchange.getResponseHeaders.set("content-type", "text/plain")
  exchange.sendResponseHeaders(200, body.length)
  exchange.getResponseBody.write(body)
  exchange.close()
