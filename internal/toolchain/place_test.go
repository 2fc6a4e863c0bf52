// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrefixesNameOnlyWhatIsTheRuntimes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		language     Language
		path, prefix string
		want         []string
	}{
		{Python, "/usr/bin/python3.11", "/usr", nil},
		{Python, "/usr/local/bin/python3.11", "/usr/local", nil},
		{Go, "/usr/local/go/bin/go", "/usr/local/go", nil},
		{Python, "/root/.pyenv/versions/3.11.7/bin/python3.11", "/root/.pyenv/versions/3.11.7",
			[]string{"/root/.pyenv/versions/3.11.7"}},
		{Node, "/opt/node-v20/bin/node", "/opt/node-v20", []string{"/opt/node-v20"}},
		{Node, "/root/.local/bin/node", "/root/.local", []string{"/root/.local/bin/node"}},
		{Node, "/home/ann/bin/node", "/home/ann", []string{"/home/ann/bin/node"}},
		{Python, "/home/ann/.local/bin/python3.11", "/home/ann/.local",
			[]string{"/home/ann/.local/bin/python3.11", "/home/ann/.local/lib/python3.11"}},
		{Python, "/opt/bin/python3.11", "/srv/python/3.11", []string{"/srv/python/3.11", "/opt/bin/python3.11"}},
	}
	for _, c := range cases {
		got := prefixes(c.language, c.path, c.prefix, "3.11")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("prefixes of %s (-want +got):\n%s", c.path, diff)
		}
	}
}
