// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

func TestObjectOfWhichTheSizeIsNotSaidIsWholeOrRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data  io.Reader
		bytes int64
		want  string
		kind  dayfly.Kind
	}{
		"known reader":        {data: strings.NewReader("bytes"), want: "bytes"},
		"buffer":              {data: bytes.NewBufferString("bytes"), want: "bytes"},
		"said":                {data: io.LimitReader(strings.NewReader("bytes"), 9), bytes: 5, want: "bytes"},
		"unknown, empty":      {data: io.LimitReader(strings.NewReader(""), 9)},
		"unknown, with bytes": {data: io.LimitReader(strings.NewReader("bytes"), 9), kind: dayfly.KindInvalid},
		"nothing":             {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := "nothing was sent"
			var store *httptest.Server
			store = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					_ = json.NewEncoder(w).Encode(map[string]string{"url": store.URL + "/signed"})
					return
				}
				body, _ := io.ReadAll(r.Body)
				got = string(body)
			}))
			defer store.Close()
			c, err := client.New(client.Options{URL: store.URL, Token: "t"})
			if err != nil {
				t.Fatal(err)
			}
			err = c.PutObject(t.Context(), client.BucketRef{Name: "b"}, "k", tt.data,
				client.PutObjectOptions{Bytes: tt.bytes})
			if tt.kind != "" {
				tt.want = "nothing was sent"
			}
			if dayfly.KindOf(err) != tt.kind || got != tt.want {
				t.Errorf("stored %q, %v; want %q and kind %q", got, err, tt.want, tt.kind)
			}
		})
	}
}
