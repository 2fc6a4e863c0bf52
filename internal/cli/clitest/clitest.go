// SPDX-License-Identifier: Apache-2.0

// Package clitest types commands for the tests of the command line, as a person would, and
// gives what they printed.
package clitest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli"
)

// Version is what the program says of itself in tests.
const Version = "1.2.3"

// Typed is what one command printed, and its exit code.
type Typed struct {
	Out, Err string
	Code     int
}

// Run types a command, against a node when there is one.
func Run(t *testing.T, n *apitest.Node, stdin string, args ...string) Typed {
	t.Helper()
	env := map[string]string{"DAYFLY_DATA": t.TempDir()}
	if n != nil {
		env["DAYFLY_URL"], env["DAYFLY_TOKEN"] = n.URL, apitest.Token
	}
	var out, errs bytes.Buffer
	code := cli.Main(t.Context(), args, cli.World{In: strings.NewReader(stdin), Out: &out, Err: &errs,
		Env: func(key string) string { return env[key] }, Version: Version})
	return Typed{out.String(), errs.String(), code}
}

// Write makes a file below dir.
func Write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
