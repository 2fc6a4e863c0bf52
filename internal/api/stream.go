// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"

	"github.com/dayfly-faas/dayfly/internal/api/wire"
)

// writeJSONStatus answers with v and a status that is not 200.
func writeJSONStatus(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// writeJSON is wire.WriteJSON.
func writeJSON(w http.ResponseWriter, v any) error { return wire.WriteJSON(w, v) }
