// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/dayfly-faas/dayfly"
)

// Route is one entry of the table of contents of the management API. It is answered to
// whoever has the node's token.
type Route struct {
	Pattern string // as of http.ServeMux
	Handle  func(http.ResponseWriter, *http.Request) error
	// BodyBytes bounds the request's body; 1 MiB when 0.
	BodyBytes int64
}

// Decode reads a JSON body into v, strictly: no unknown field, nothing behind it. An
// empty body leaves v as it is.
func Decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something follows the JSON value")
	}
	return BodyError(err)
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// Project reads which project the path names.
func Project(r *http.Request) (dayfly.ProjectName, error) {
	project := dayfly.ProjectName(r.PathValue("project"))
	return project, dayfly.ValidateName("project", string(project))
}

// Query gives the parameters of a request; one that is not known is refused.
func Query(r *http.Request, known ...string) (url.Values, error) {
	values := r.URL.Query()
	for name := range values {
		if !slices.Contains(known, name) {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "parameter %q is unknown", name)
		}
	}
	return values, nil
}
