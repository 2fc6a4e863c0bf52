// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"os"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
)

// TestThePageTellsOfEveryRoute wants each route in a row of the table of
// docs/formats/management-api.md that names its method: by its path, or by the end of it
// after "…", or joined to a row that names the way of its neighbours.
func TestThePageTellsOfEveryRoute(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/formats/management-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, line)
		}
	}
	for _, route := range apitest.Start(t).API.Patterns() {
		method, path, _ := strings.Cut(route, " ")
		told := false
		for _, row := range rows {
			told = told || strings.Contains(row, method) && rowNames(row, path)
		}
		if !told {
			t.Errorf("docs/formats/management-api.md does not tell of %s", route)
		}
	}
}

// rowNames tells whether a row names a path: whole, or from some segment on.
func rowNames(row, path string) bool {
	ends := func(text string) bool {
		return strings.Contains(row, text+"`") || strings.Contains(row, text+"?")
	}
	if ends(path) {
		return true
	}
	for rest := path[1:]; ; {
		_, after, more := strings.Cut(rest, "/")
		if !more {
			return false
		}
		if rest = after; ends("…/" + rest) {
			return true
		}
	}
}
