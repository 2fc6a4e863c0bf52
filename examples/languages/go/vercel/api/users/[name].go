// SPDX-License-Identifier: Apache-2.0

package handler

import (
	"fmt"
	"net/http"

	"example.com/site/greeting"
)

// Handler answers at /api/users/NAME.
func Handler(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, greeting.For(r.URL.Query().Get("name")))
}
