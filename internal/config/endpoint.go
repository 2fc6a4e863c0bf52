// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

const (
	// credentialBytesMax bounds the token and endpoint files: one short line.
	credentialBytesMax = 4 << 10
	// tokenBytes is the strength of a token: 256 random bits.
	tokenBytes = 32
	// defaultURL is where a node that was told nothing listens.
	defaultURL = "http://127.0.0.1:8081"
)

// Endpoint is where a node's management API is and what opens it.
type Endpoint struct {
	URL, Token string
}

// Find tells which node to talk to: what was given, else DAYFLY_URL and
// DAYFLY_TOKEN, else the node on this machine that keeps its data in dir. The token
// of a local node goes to loopback addresses only, never to another machine.
func Find(given Endpoint, dir string, env Environment) (Endpoint, error) {
	found := Endpoint{URL: first(given.URL, env("DAYFLY_URL")),
		Token: first(given.Token, env("DAYFLY_TOKEN"))}
	if found.URL == "" {
		line, err := readLine(filepath.Join(dir, "endpoint"))
		if err != nil {
			return Endpoint{}, err
		}
		found.URL = first(line, defaultURL)
	}
	u, err := url.Parse(found.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Endpoint{}, dayfly.Errorf(dayfly.KindInvalid, "%q is not the URL of a node", found.URL).
			WithHint("use one such as %s", defaultURL)
	}
	if found.Token != "" {
		return found, nil
	}
	if !loopback(u.Hostname()) {
		return Endpoint{}, dayfly.Errorf(dayfly.KindUnauthenticated, "no token for %s", found.URL).
			WithHint("set DAYFLY_TOKEN to what stands in the token file of that node's data folder")
	}
	found.Token, err = readLine(filepath.Join(dir, "token"))
	if err != nil {
		return Endpoint{}, err
	}
	if found.Token == "" {
		return Endpoint{}, dayfly.Errorf(dayfly.KindUnauthenticated, "no token found in %s", dir).
			WithHint("start a node with: dayfly up; or set DAYFLY_URL and DAYFLY_TOKEN")
	}
	return found, nil
}

// Token reads the token of the node that keeps its data in dir, and makes one on the
// first start. Only the owner of the folder can read it.
func Token(dir string) (string, error) {
	path := filepath.Join(dir, "token")
	token, err := readLine(path)
	if err != nil || token != "" {
		return token, err
	}
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand aborts the program instead
	token = "dayfly_" + hex.EncodeToString(random[:])
	return token, writeLine(path, token, (*os.File).Sync)
}

// WriteEndpoint notes the URL of the node's management API beside its token, where
// Find looks for it. It need not survive a crash, and does not wait for the disk.
func WriteEndpoint(dir, url string) error {
	return writeLine(filepath.Join(dir, "endpoint"), url, nil)
}

// RemoveEndpoint takes the note away when the node stops.
func RemoveEndpoint(dir string) error {
	err := os.Remove(filepath.Join(dir, "endpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writeLine replaces the file at path at once, so that no reader sees half a line;
// keep, when given, sees to it that the line is on the disk before.
func writeLine(path, line string, keep func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	if err == nil && keep != nil {
		err = keep(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func readLine(path string) (string, error) {
	data, err := readBounded(path, credentialBytesMax)
	return strings.TrimSpace(string(data)), err
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
