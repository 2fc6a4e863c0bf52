// SPDX-License-Identifier: Apache-2.0

package router

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// hostMax bounds a host name, as DNS does.
const hostMax = 253

// CleanHost gives the name that a Host header holds: in lower case, without a port and the
// dot of the root. An error, of kind invalid, is for what is no name and no address.
func CleanHost(header string) (string, error) {
	name := header
	if strings.HasPrefix(name, "[") {
		end := strings.IndexByte(name, ']')
		if end < 0 || !isPort(name[end+1:]) {
			return "", badHost(header)
		}
		name = name[1:end]
	} else if colon := strings.IndexByte(name, ':'); colon >= 0 {
		if !isPort(name[colon:]) {
			return "", badHost(header)
		}
		name = strings.TrimSuffix(name[:colon], ".")
	} else {
		name = strings.TrimSuffix(name, ".")
	}
	if len(name) > hostMax {
		return "", badHost(header)
	}
	lower := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c >= 'A' && c <= 'Z':
			lower = false
		case c == '.' && i > 0 && name[i-1] != '.':
		case c == ':' && header[0] == '[':
		default:
			return "", badHost(header)
		}
	}
	if lower {
		return name, nil
	}
	return strings.ToLower(name), nil
}

// isPort reports whether text is nothing or a port after its colon.
func isPort(text string) bool {
	if text == "" {
		return true
	}
	if text[0] != ':' || len(text) > 6 {
		return false
	}
	for i := 1; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

func badHost(header string) error {
	return dayfly.Errorf(dayfly.KindInvalid, "%.80q is no host", header)
}
