// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly/client"
)

const (
	// objectBytes is the size of the object that is put and got.
	objectBytes = 1 << 20
	// objectRatio is how much longer than a bare file server the S3 door may take.
	objectRatio = 2
	// fileServerArg makes this program the bare file server.
	fileServerArg = "serve-files"
)

// fileServer is the floor of objects: net/http with files that are on disk when it
// answers, and nothing else.
func fileServer(dir, addr string) error {
	files := http.FileServer(http.Dir(dir))
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			files.ServeHTTP(w, r)
			return
		}
		if err := keepFile(filepath.Join(dir, filepath.Base(r.URL.Path)), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
}

// keepFile writes a file that is whole on the disk, or not there, when it returns.
func keepFile(name string, data io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// objects puts and gets one object, in turns with the same bytes at a bare file server.
func (b *bench) objects(ctx context.Context) error {
	floor, stop, err := b.startFileServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	bucket := client.BucketRef{Name: "bench"}
	if _, err := b.platform.client.PutBucket(ctx, bucket, nil); err != nil {
		return err
	}
	urls := map[string]string{}
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		if urls[method], err = b.platform.client.SignObject(ctx, bucket, "object", method, time.Hour); err != nil {
			return err
		}
	}
	data := make([]byte, objectBytes)
	_, _ = rand.Read(data)
	times := map[string][]time.Duration{}
	for range max(b.colds, 20) {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			for subject, url := range map[string]string{"S3, 1 MiB " + method: urls[method], "bare file server, 1 MiB " + method: floor} {
				took, err := transfer(ctx, method, url, data)
				if err != nil {
					return fmt.Errorf("%s: %w", subject, err)
				}
				times[subject] = append(times[subject], took)
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		bare := b.report.spread("objects", groupFloor, "bare file server, 1 MiB "+method, times["bare file server, 1 MiB "+method])
		ours := b.report.spread("objects", groupDayfly, "S3, 1 MiB "+method, times["S3, 1 MiB "+method])
		ours.Ratio = float64(int(100*ours.P50/bare.P50)) / 100
		ours.note(fmt.Sprintf("≤ %d × the bare file server", objectRatio), ours.Ratio <= objectRatio)
	}
	return nil
}

// transfer puts or gets an object and checks what came.
func transfer(ctx context.Context, method, url string, data []byte) (time.Duration, error) {
	var body io.Reader
	if method == http.MethodPut {
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	took := time.Since(began)
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%s answered %s: %.200s", method, res.Status, got)
	case method == http.MethodGet && !bytes.Equal(got, data):
		return 0, errors.New("what came back is not what was put")
	}
	return took, nil
}

// startFileServer runs this program as the bare file server.
func (b *bench) startFileServer(ctx context.Context) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(b.platform.dir, "files-") // beside the objects, on the same disk
	if err != nil {
		return "", nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return "", nil, err
	}
	p, err := spawn("", nil, self, fileServerArg, dir, addr)
	if err != nil {
		return "", nil, err
	}
	err = p.awaitAnswer(ctx, func() error {
		res, err := http.Get("http://" + addr + "/")
		if err == nil {
			res.Body.Close()
		}
		return err
	})
	if err != nil {
		p.stop()
		return "", nil, err
	}
	return "http://" + addr + "/object", p.stop, nil
}
