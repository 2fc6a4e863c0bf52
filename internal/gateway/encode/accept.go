// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"strings"
)

// Coding is a content coding of HTTP.
type Coding string

// The codings that are known. Identity is none at all.
const (
	Identity Coding = ""
	Brotli   Coding = "br"
	Zstd     Coding = "zstd"
	Gzip     Coding = "gzip"
)

// acceptBytesMax bounds what is read of an Accept-Encoding header: browsers send 30 bytes.
const acceptBytesMax = 512

// Choose gives the coding among those offered that a request likes best, by the values of
// its Accept-Encoding headers. Among equals the one that is offered first wins; Identity,
// when the request takes none of them.
func Choose(accept []string, offered ...Coding) Coding {
	best, bestWeight := Identity, 0
	for _, coding := range offered {
		if weight := weightOf(accept, coding); weight > bestWeight {
			best, bestWeight = coding, weight
		}
	}
	return best
}

// weightOf gives the weight of a coding in thousandths: its own, or else that of "*".
func weightOf(accept []string, coding Coding) int {
	any, left := 0, acceptBytesMax
	for _, value := range accept {
		if len(value) > left {
			return 0
		}
		left -= len(value)
		for value != "" {
			var item string
			item, value, _ = strings.Cut(value, ",")
			name, parameters, _ := strings.Cut(item, ";")
			name = strings.Trim(name, " \t")
			if strings.EqualFold(name, string(coding)) || coding == Gzip && strings.EqualFold(name, "x-gzip") {
				return quality(parameters)
			}
			if name == "*" {
				any = quality(parameters)
			}
		}
	}
	return any
}

// quality reads "q=0.5" in thousandths. What is no number counts as nothing: to leave an
// answer as it is is never wrong.
func quality(parameters string) int {
	parameters = strings.Trim(parameters, " \t")
	if parameters == "" {
		return 1000
	}
	number, found := strings.CutPrefix(strings.ToLower(parameters), "q=")
	whole, fraction, _ := strings.Cut(number, ".")
	if !found || whole != "0" && whole != "1" || len(fraction) > 3 {
		return 0
	}
	weight := 0
	for i := range 3 {
		digit := byte('0')
		if i < len(fraction) {
			digit = fraction[i]
		}
		if digit < '0' || digit > '9' {
			return 0
		}
		weight = weight*10 + int(digit-'0')
	}
	if whole == "1" {
		return 1000
	}
	return weight
}

// Compressible tells whether bodies of a content type get smaller by compression.
func Compressible(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.Trim(kind, " \t"))
	if strings.HasPrefix(kind, "text/") {
		return true
	}
	if strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml") {
		return true
	}
	switch kind {
	case "application/json", "application/javascript", "application/x-javascript", "application/xml",
		"application/ld+json", "application/manifest+json", "application/wasm", "application/x-ndjson",
		"application/jsonl", "application/graphql", "application/yaml", "application/toml",
		"application/x-www-form-urlencoded", "application/rtf", "application/vnd.ms-fontobject",
		"font/ttf", "font/otf", "font/collection", "image/bmp", "image/x-icon",
		"image/vnd.microsoft.icon", "application/x-sh", "application/sql", "application/pgp-keys",
		"application/geo+json", "application/msgpack", "application/vnd.apple.mpegurl":
		return true
	}
	return false
}
