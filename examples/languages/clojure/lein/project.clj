; SPDX-License-Identifier: Apache-2.0

(defproject shop "1.0"
  :dependencies [[org.clojure/clojure "1.11.4"]]
  :main shop.server
  :aot [shop.server])
