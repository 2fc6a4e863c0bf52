// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

var benchSizes = []int{1 << 10, 16 << 10, 32 << 10, 64 << 10, 1 << 20, 16 << 20}

func BenchmarkPut(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			s, data := open(b), []byte(pattern(n, 1))
			b.SetBytes(int64(n))
			i := 0
			for b.Loop() {
				i++
				if _, err := s.Put(b.Context(), ref(fmt.Sprint("k", i%100)), blob.PutOptions{Size: int64(n)},
					bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPutParallel(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			s, data := open(b), []byte(pattern(n, 1))
			b.SetBytes(int64(n))
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				key := fmt.Sprintf("%p", p)
				for p.Next() {
					if _, err := s.Put(b.Context(), ref(key), blob.PutOptions{Size: int64(n)},
						bytes.NewReader(data)); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkFile is the bound of BenchmarkPut: the same bytes in a file, made durable.
func BenchmarkFile(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			dir, data := b.TempDir(), []byte(pattern(n, 1))
			folder, err := os.Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(n))
			i := 0
			for b.Loop() {
				i++
				path := filepath.Join(dir, fmt.Sprint(i%100))
				if i > 100 {
					_ = os.Remove(path)
				}
				f, err := os.Create(path)
				if err == nil {
					_, err = f.Write(data)
				}
				if err != nil || f.Sync() != nil || folder.Sync() != nil || f.Close() != nil {
					b.Fatal(err)
				}
			}
			_ = folder.Close()
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			s := open(b)
			put(b, s, "k", pattern(n, 1))
			b.SetBytes(int64(n))
			for b.Loop() {
				_, r, err := s.OpenObject(b.Context(), ref("k"), "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
					b.Fatal(err)
				}
				_ = r.Close()
			}
		})
	}
}

// BenchmarkOverHTTP compares put and get of 1 MiB through net/http with a handler that
// writes and serves bare files, without a sync.
func BenchmarkOverHTTP(b *testing.B) {
	const n = 1 << 20
	s, dir, data := open(b), b.TempDir(), []byte(pattern(n, 1))
	objects := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			if _, err := s.Put(r.Context(), ref("k"), blob.PutOptions{Size: r.ContentLength}, r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
			return
		}
		_, data, err := s.OpenObject(r.Context(), ref("k"), "")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(data.Size()))
		_, _ = data.WriteTo(w)
		_ = data.Close()
	}
	files := func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(dir, "k")
		if r.Method != http.MethodPut {
			http.ServeFile(w, r, path)
			return
		}
		f, err := os.Create(path)
		if err == nil {
			_, err = io.Copy(f, r.Body)
		}
		if err != nil || f.Close() != nil {
			http.Error(w, "", http.StatusInternalServerError)
		}
	}
	for name, h := range map[string]http.HandlerFunc{"objects": objects, "files": files} {
		server := httptest.NewServer(h)
		defer server.Close()
		do := func(b *testing.B, method string, body io.Reader) {
			req, err := http.NewRequestWithContext(b.Context(), method, server.URL, body)
			if err != nil {
				b.Fatal(err)
			}
			res, err := server.Client().Do(req)
			if err != nil || res.StatusCode != http.StatusOK {
				b.Fatal(err, res)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		b.Run("put/"+name, func(b *testing.B) {
			b.SetBytes(n)
			for b.Loop() {
				do(b, http.MethodPut, bytes.NewReader(data))
			}
		})
		b.Run("get/"+name, func(b *testing.B) {
			b.SetBytes(n)
			for b.Loop() {
				do(b, http.MethodGet, nil)
			}
		})
	}
}

// BenchmarkOpen tells how long a start takes for each object, and how much memory each
// takes afterwards, that of the broker included.
func BenchmarkOpen(b *testing.B) {
	const objects = 50_000
	for _, n := range []int{0, 4 << 10, blob.InlineBytesMax} {
		b.Run(fmt.Sprint(n, "B"), func(b *testing.B) {
			dir, data := b.TempDir(), pattern(n, 1)
			during(b, dir, func(s *blob.Store) {
				if _, err := s.CreateBucket(b.Context(), photos.Project, blob.Bucket{Name: photos.Name}); err != nil {
					b.Fatal(err)
				}
				for i := range objects {
					_, err := s.Put(b.Context(), ref(fmt.Sprintf("photos/2026/%08d.jpg", i)),
						blob.PutOptions{Size: int64(n)}, strings.NewReader(data))
					if err != nil {
						b.Fatal(err)
					}
				}
			})
			var bytes int64
			for b.Loop() {
				before := heap()
				during(b, dir, func(*blob.Store) { bytes = heap() - before })
			}
			b.ReportMetric(float64(bytes)/objects, "B/object")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
		})
	}
}

// during opens a store for the time of f, and keeps nothing of it.
func during(b *testing.B, dir string, f func(*blob.Store)) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	ground := bus.New(bus.Config{Dir: dir}, log)
	if err := ground.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	s, err := blob.New(blob.Config{Dir: filepath.Join(dir, "objects")}, ground, nil, log)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	f(s)
	if err := errors.Join(s.Close(), ground.Close()); err != nil {
		b.Fatal(err)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryStaysFlat puts, copies and gets 256 MiB.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	s := open(t)
	const n = 256 << 20
	before := total()
	if _, err := s.Put(t.Context(), ref("big"), blob.PutOptions{Size: n}, io.LimitReader(zeros{}, n)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Copy(t.Context(), ref("copy"), blob.Source{Ref: ref("big")},
		blob.CopyOptions{Checksum: blob.CRC32}); err != nil {
		t.Fatal(err)
	}
	_, r, err := s.OpenObject(t.Context(), ref("copy"), "")
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.Copy(io.Discard, r); read != n || err != nil {
		t.Errorf("read %d bytes, %v", read, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if spent := total() - before; spent > 32<<20 {
		t.Errorf("allocated %d MiB in all for objects of 256 MiB", spent>>20)
	}
}

// total is what was allocated since the start, whether freed or not.
func total() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
