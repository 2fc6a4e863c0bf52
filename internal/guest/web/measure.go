// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
)

// Measure takes in a body whose length is not told, so that it is: programs of CGI and
// FastCGI read as much as CONTENT_LENGTH says, and nothing without it. The body waits in
// a file of the temporary folder, which the platform's limits bound; done lets go of it.
func Measure(r *http.Request) (done func(), err error) {
	if r.ContentLength >= 0 {
		return func() {}, nil
	}
	file, err := os.CreateTemp("", "body-")
	if err != nil {
		return nil, fmt.Errorf("make file for the request's body: %w", err)
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	n, err := io.Copy(file, r.Body)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("take in the request's body: %w", err)
	}
	r.Body, r.ContentLength, r.TransferEncoding = file, n, nil
	if n == 0 {
		r.Body = http.NoBody
	}
	return func() { _ = file.Close() }, nil
}

// Refuse answers a request whose body Measure could not take in.
func Refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, syscall.ENOSPC) {
		http.Error(w, "the request body does not fit into the temporary folder",
			http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the request body cannot be read", http.StatusBadRequest)
}
