(ns my.shop)

(defn handler [event context]
  {:greeting (str "hello " (get event "name")) :id (.getAwsRequestId context)
   :list [1 2.5 nil true :word 1/2] :nested {"a" (map inc (get event "numbers"))}})

(defn alone [event] (count event))

(defn failing [_] (throw (ex-info "no" {:a 1})))
