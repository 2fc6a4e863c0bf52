// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

// upload sends a small source and gives its digest.
func upload(t *testing.T, n *apitest.Node) dayfly.Digest {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(file, []byte("def handler(event, context): pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	digest, _, err := bundle.PackFile(&archive, file)
	if err != nil {
		t.Fatal(err)
	}
	resp, text := ask(t, n, "PUT", "/v1/sources/"+string(digest), archive.String())
	if resp.StatusCode != 204 {
		t.Fatalf("upload answered %d %s", resp.StatusCode, text)
	}
	return digest
}

func TestSourceIsKeptUnderItsDigestOnly(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	digest := upload(t, n)
	if resp, _ := ask(t, n, "HEAD", "/v1/sources/"+string(digest), ""); resp.StatusCode != 200 {
		t.Errorf("HEAD of an uploaded source answered %d", resp.StatusCode)
	}
	other := strings.Repeat("0", 64)
	if resp, _ := ask(t, n, "HEAD", "/v1/sources/"+other, ""); resp.StatusCode != 404 {
		t.Errorf("HEAD of another source answered %d", resp.StatusCode)
	}
	var archive bytes.Buffer
	file := filepath.Join(t.TempDir(), "b.py")
	if err := os.WriteFile(file, []byte("pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := bundle.PackFile(&archive, file); err != nil {
		t.Fatal(err)
	}
	resp, text := ask(t, n, "PUT", "/v1/sources/"+other, archive.String())
	if resp.StatusCode != 400 || n.Has(dayfly.Digest(other)) {
		t.Errorf("a source under a wrong digest answered %d %s", resp.StatusCode, text)
	}
	cut := archive.String()[:archive.Len()-4]
	if resp, text := ask(t, n, "PUT", "/v1/sources/"+other, cut); resp.StatusCode != 400 {
		t.Errorf("half a source answered %d %s", resp.StatusCode, text)
	}
}
