// SPDX-License-Identifier: Apache-2.0

package site

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of a hash in a file's name: bundlers write 8 characters to 64.
const (
	hashMin = 8
	hashMax = 64
)

// hashed reports whether a file's name holds a hash of its content, as bundlers write it, so
// that the name never stands for another content. To be wrong would keep an old file in
// browsers for a year: what a person may have called a file is left out.
func hashed(name string) bool {
	folder, base := path.Split(name)
	for _, kept := range []string{"_next/static/", "_app/immutable/"} {
		if strings.HasPrefix(folder, kept) || strings.Contains(folder, "/"+kept) {
			return true
		}
	}
	stem, rest, found := strings.Cut(base, ".")
	if !found {
		return false
	}
	// main.8f3a2c1d.js, index-BxK3dZ9q.js, index.html.8f3a2c1d.br
	known := bundled(folder)
	if strings.HasSuffix(folder, "_nuxt/") && isHash(stem, known, base) {
		return true
	}
	for part := range strings.SplitSeq(rest, ".") {
		if isHash(part, known, base) {
			return true
		}
	}
	// A hash in base64 may hold dashes of its own: what follows any of them may be it.
	for {
		_, after, found := strings.Cut(stem, "-")
		if !found {
			return false
		}
		if stem = after; isHash(stem, known, base) {
			return true
		}
	}
}

// bundled reports whether a folder is one that bundlers fill.
func bundled(folder string) bool {
	for segment := range strings.SplitSeq(folder, "/") {
		switch segment {
		case "_astro", "_nuxt", "assets", "chunks":
			return true
		}
	}
	return false
}

// isHash judges a part of a name. Anywhere, digits and letters of hexadecimal count, both of
// them; beside those, for code and in folders of bundlers, the eight characters of Vite,
// Rollup and esbuild.
func isHash(part string, known bool, base string) bool {
	if len(part) < hashMin || len(part) > hashMax {
		return false
	}
	var digits, lower, upper, beyond int
	for _, c := range []byte(part) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'f':
			lower++
		case c >= 'g' && c <= 'z':
			lower++
			beyond++
		case c >= 'A' && c <= 'Z':
			upper++
			beyond++
		case c == '-' || c == '_':
			beyond++
		default:
			return false
		}
	}
	if beyond == 0 {
		return digits > 0 && lower > 0
	}
	if len(part) != hashMin || !known && !isCode(base) {
		return false
	}
	mixed := upper > 0 && lower > 0 && digits > 0 // of Vite
	loud := upper > 0 && lower == 0 && digits > 0 // of esbuild
	return mixed || loud || known && upper > 1 && lower > 1 && turns(part) > 2
}

// turns counts how often case changes: words written together do so at each word.
func turns(part string) int {
	n := 0
	for i := 1; i < len(part); i++ {
		if part[i-1] >= 'a' && part[i] >= 'A' && part[i] <= 'Z' {
			n++
		}
	}
	return n
}

// isCode reports whether a file is one that only bundlers name.
func isCode(base string) bool {
	switch path.Ext(base) {
	case ".js", ".mjs", ".css", ".wasm", ".map", ".woff2":
		return true
	}
	return false
}

// starsMax bounds the ** of a glob: each multiplies the ways to match by the depth of a path.
const starsMax = 2

// checkGlobs refuses globs that say nothing, or too much.
func checkGlobs(globs []string) error {
	for _, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "immutable: %.80q is no glob", glob)
		}
		if strings.Count(glob, "**") > starsMax {
			return dayfly.Errorf(dayfly.KindInvalid, "immutable: %.80q has ** more than %d times", glob, starsMax)
		}
	}
	return nil
}

// matchesAny reports whether a name matches one of the globs: * within a segment, ** for any
// number of segments.
func matchesAny(globs []string, name string) bool {
	for _, glob := range globs {
		if matches(strings.Split(strings.TrimPrefix(glob, "/"), "/"), strings.Split(name, "/")) {
			return true
		}
	}
	return false
}

func matches(glob, name []string) bool {
	for i, part := range glob {
		if part == "**" {
			if i == len(glob)-1 {
				return len(name) > i
			}
			for skip := i; skip <= len(name); skip++ {
				if matches(glob[i+1:], name[skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) {
			return false
		}
		if ok, err := path.Match(part, name[i]); err != nil || !ok {
			return false
		}
	}
	return len(glob) == len(name)
}
