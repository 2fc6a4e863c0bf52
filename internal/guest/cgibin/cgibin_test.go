// SPDX-License-Identifier: Apache-2.0

package cgibin

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgramsOfAFolderAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cgi-bin/echo":        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s %s ' \"$REQUEST_METHOD\" \"$SCRIPT_NAME\" \"$PATH_INFO\"; cat\n",
		"cgi-bin/deep/status": "#!/bin/sh\nprintf 'Status: 418 Teapot\\n\\nshort'; echo told >&2\n",
		"outside":             "#!/bin/sh\nprintf 'Status: 200 OK\\n\\nSECRET'\n",
		"cgi-bin/notes.txt":   "not a program",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o755)
		if strings.HasSuffix(name, ".txt") {
			mode = 0o644
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "cgi-bin/link")); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	f, err := New(filepath.Join(dir, "cgi-bin"), nil, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tc := range []struct{ target, want string }{
		{"/cgi-bin/echo/a/b?x=1", "200 POST /cgi-bin/echo /a/b body"},
		{"/cgi-bin/deep/status", "418 short"},
		{"/cgi-bin/notes.txt", "404"},
		{"/cgi-bin/link", "404"},
		{"/cgi-bin/../outside", "404"},
		{"/cgi-bin/", "404"},
		{"/elsewhere", "404"},
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, tc.target, strings.NewReader("body")))
		got := fmt.Sprint(w.Code)
		if w.Code != http.StatusNotFound {
			got += " " + w.Body.String()
		}
		if got != tc.want {
			t.Errorf("%s = %q, want %q", tc.target, got, tc.want)
		}
	}
	chunked := httptest.NewRequest(http.MethodPost, "/cgi-bin/echo", io.MultiReader(strings.NewReader("of no length")))
	chunked.TransferEncoding = []string{"chunked"}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, chunked)
	if want := "POST /cgi-bin/echo  of no length"; w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("body in chunks = %d %q, want 200 %q", w.Code, w.Body, want)
	}
	if stderr.String() != "told\n" {
		t.Errorf("standard error = %q, want what the program said", stderr.String())
	}
}
