// SPDX-License-Identifier: Apache-2.0

// Command go-web is a web server that takes events.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

type event struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

type failure struct {
	ID string `json:"itemIdentifier"`
}

func main() {
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println("got", r.Method, r.URL.Path, r.Header.Get("Ce-Type"), r.Header.Get("Content-Type"), string(body))
		failed := []failure{}
		var events []event
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents-batch+json") {
			if err := json.Unmarshal(body, &events); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		for _, e := range events {
			if strings.Contains(string(e.Data), "bad") {
				failed = append(failed, failure{e.ID})
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"batchItemFailures": failed})
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
