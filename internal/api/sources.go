// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

// hasSource tells whether a source is here already: 200, or 404.
func (a *API) hasSource(w http.ResponseWriter, r *http.Request) error {
	digest, err := digest(r)
	if err != nil {
		return err
	}
	has, err := a.deps.Sources.Has(r.Context(), digest)
	if err != nil {
		return err
	}
	if !has {
		return dayfly.Errorf(dayfly.KindNotFound, "source %s is not here", digest)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// putSource takes an archive (docs/formats): the digest of its content must be the
// one in the path. Sending what is here already changes nothing.
func (a *API) putSource(w http.ResponseWriter, r *http.Request) error {
	digest, err := digest(r)
	if err != nil {
		return err
	}
	if r.ContentLength > sourceBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the source is larger than %s",
			dayfly.FormatBytes(sourceBytesMax))
	}
	if err := a.deps.Sources.Put(r.Context(), digest, r.Body); err != nil {
		if dayfly.KindOf(err) == dayfly.KindInternal && isBodyError(err) {
			return wire.BodyError(err)
		}
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func digest(r *http.Request) (dayfly.Digest, error) {
	d := dayfly.Digest(r.PathValue("digest"))
	return d, bundle.CheckDigest(d)
}
