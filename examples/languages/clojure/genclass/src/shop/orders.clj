; SPDX-License-Identifier: Apache-2.0

(ns shop.orders
  (:require [clojure.java.io :as io])
  (:gen-class
   :name shop.Orders
   :implements [com.amazonaws.services.lambda.runtime.RequestStreamHandler]))

(defn -handleRequest [_ in out _context]
  (let [event (slurp in)]
    (with-open [writer (io/writer out)]
      (.write writer (str "{\"bytes\":" (count event) "}")))))
