// SPDX-License-Identifier: Apache-2.0

package bundle

import "testing"

func TestIgnoreRulesAreThoseOfGit(t *testing.T) {
	t.Parallel()
	cases := []struct {
		patterns []string
		path     string // a folder when it ends in "/"
		want     bool
	}{
		{[]string{"*.log"}, "a.log", true},
		{[]string{"*.log"}, "d/a.log", true},
		{[]string{"*.log"}, "a.logs", false},
		{[]string{"/a"}, "a", true},
		{[]string{"/a"}, "d/a", false},
		{[]string{"d/a"}, "d/a", true},
		{[]string{"d/a"}, "x/d/a", false},
		{[]string{"a/"}, "a", false},
		{[]string{"a/"}, "a/", true},
		{[]string{"a/"}, "x/a/", true},
		{[]string{"**/a"}, "a", true},
		{[]string{"**/a"}, "x/y/a", true},
		{[]string{"a/**"}, "a/x/y", true},
		{[]string{"a/**"}, "a/", false},
		{[]string{"a/**/b"}, "a/b", true},
		{[]string{"a/**/b"}, "a/x/y/b", true},
		{[]string{"a/**/b"}, "a/xb", false},
		{[]string{"a*b"}, "a/b", false},
		{[]string{"a?b"}, "axb", true},
		{[]string{"a?b"}, "a/b", false},
		{[]string{"[a-c].txt"}, "b.txt", true},
		{[]string{"[!a-c].txt"}, "b.txt", false},
		{[]string{"[!a-c].txt"}, "d.txt", true},
		{[]string{"[]x].txt"}, "].txt", true},
		{[]string{"[x"}, "[x", true},
		{[]string{"[z-a]"}, "z", false},
		{[]string{"*", "!keep"}, "keep", false},
		{[]string{"*", "!keep"}, "other", true},
		{[]string{"!keep", "*"}, "keep", true},
		{[]string{`\!x`}, "!x", true},
		{[]string{`\#x`}, "#x", true},
		{[]string{"#x"}, "#x", false},
		{[]string{"x  "}, "x", true},
		{[]string{`x\ `}, "x ", true},
		{[]string{"x\r"}, "x", true},
		{[]string{"", "/", "!"}, "x", false},
		{[]string{"a.c"}, "abc", false},
		{[]string{"(a|b)+"}, "(a|b)+", true},
		{[]string{"*.tar.*"}, "x.tar.gz", true},
		{[]string{"foo**bar"}, "fooxbar", true},
	}
	for _, c := range cases {
		name, isFolder := c.path, false
		if name[len(name)-1] == '/' {
			name, isFolder = name[:len(name)-1], true
		}
		if got := newRules(c.patterns).ignored(name, isFolder); got != c.want {
			t.Errorf("patterns %q on %q: ignored %v, want %v", c.patterns, c.path, got, c.want)
		}
	}
}

func TestIgnoreFilesOfAFolderRuleBelowIt(t *testing.T) {
	t.Parallel()
	r := newRules([]string{"*.log"}).with("sub", []string{"/x", "!a.log"})
	for name, want := range map[string]bool{
		"x": false, "sub/x": true, "sub/y/x": false, "a.log": true, "sub/a.log": false, "subway/a.log": true,
	} {
		if got := r.ignored(name, false); got != want {
			t.Errorf("%s: ignored %v, want %v", name, got, want)
		}
	}
}
