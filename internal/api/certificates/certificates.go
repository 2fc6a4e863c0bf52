// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"net/http"

	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/certificate"
)

// Certificates are those of a node. A node without TLS door answers each call with an error.
type Certificates interface {
	List() ([]certificate.Info, error)
	Put(host string, chain, key []byte) (certificate.Info, error)
	Remove(host string) error
	// Root is the certificate of the local authority in PEM.
	Root() ([]byte, error)
}

// Deps are what this part of the API opens to.
type Deps struct{ Certificates Certificates }

// Routes is this part's table of contents.
func (d *Deps) Routes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET /v1/certificates", Handle: d.list},
		{Pattern: "PUT /v1/certificates/{host}", Handle: d.put},
		{Pattern: "DELETE /v1/certificates/{host}", Handle: d.remove},
		{Pattern: "GET /v1/certificate-root", Handle: d.root},
	}
}

func (d *Deps) list(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.Query(r); err != nil {
		return err
	}
	list, err := d.Certificates.List()
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, map[string][]certificate.Info{"certificates": list})
}

func (d *Deps) put(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.Query(r); err != nil {
		return err
	}
	var body struct {
		Certificate string `json:"certificate"` // PEM, the host's first
		Key         string `json:"key"`         // PEM
	}
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	info, err := d.Certificates.Put(r.PathValue("host"), []byte(body.Certificate), []byte(body.Key))
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, info)
}

func (d *Deps) remove(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.Query(r); err != nil {
		return err
	}
	if err := d.Certificates.Remove(r.PathValue("host")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Deps) root(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.Query(r); err != nil {
		return err
	}
	root, err := d.Certificates.Root()
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, map[string]string{"certificate": string(root)})
}
