; SPDX-License-Identifier: Apache-2.0

(ns shop.server
  (:gen-class)
  (:import (com.sun.net.httpserver HttpHandler HttpServer)
           (java.net InetSocketAddress)
           (java.util.concurrent Executors)))

(defn -main [& _]
  (let [port (parse-long (or (System/getenv "PORT") "8080"))]
    (doto (HttpServer/create (InetSocketAddress. port) 0)
      (.setExecutor (Executors/newCachedThreadPool))
      (.createContext "/" (reify HttpHandler
                            (handle [_ exchange]
                              (let [body (.getBytes "hello from leiningen\n")]
                                (.sendResponseHeaders exchange 200 (alength body))
                                (with-open [out (.getResponseBody exchange)]
                                  (.write out body))))))
      (.start))))
