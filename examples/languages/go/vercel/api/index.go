// SPDX-License-Identifier: Apache-2.0

package handler

import (
	"fmt"
	"net/http"
)

// Handler answers at /api.
func Handler(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "<h1>Hello from Go!</h1>")
}
