; SPDX-License-Identifier: Apache-2.0

(ns server
  (:require [clojure.data.json :as json])
  (:import (com.sun.net.httpserver HttpHandler HttpServer)
           (java.net InetSocketAddress)
           (java.util.concurrent Executors)))

(defn answer [exchange]
  (let [body (.getBytes (json/write-str {:language "clojure" :path (.getPath (.getRequestURI exchange))}))]
    (.set (.getResponseHeaders exchange) "content-type" "application/json")
    (.sendResponseHeaders exchange 200 (alength body))
    (with-open [out (.getResponseBody exchange)]
      (.write out body))))

(defn -main [& _]
  (let [port (parse-long (or (System/getenv "PORT") "8080"))]
    (doto (HttpServer/create (InetSocketAddress. port) 0)
      (.setExecutor (Executors/newCachedThreadPool))
      (.createContext "/" (reify HttpHandler (handle [_ exchange] (answer exchange))))
      (.start))))
