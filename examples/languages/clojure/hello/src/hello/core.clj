; SPDX-License-Identifier: Apache-2.0

(ns hello.core)

(defn handler [event context]
  {"statusCode" 200
   "headers" {"content-type" "text/plain"}
   "body" (str "hello from clojure " (get event "rawPath") "\n")})
