// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// watchdogVariables gives what OpenFaaS's classic watchdog tells the processes that it
// starts of a request: programs written for it read these in place of CGI's.
func watchdogVariables(head *frame.RequestHead) []string {
	if head.Kind != string(dayfly.RequestHTTP) {
		return nil
	}
	env := make([]string, 0, 5+len(head.Headers))
	add := func(name, value string) {
		env = append(env, "Http_"+name+"="+strings.ReplaceAll(value, "\x00", ""))
	}
	add("Method", head.Method)
	add("Path", head.Path)
	add("Query", head.Query)
	add("Host", head.Host)
	if head.Length >= 0 {
		add("Content_Length", strconv.FormatInt(head.Length, 10))
	}
	seen := map[string]bool{}
	for _, kv := range head.Headers {
		name := strings.ReplaceAll(http.CanonicalHeaderKey(kv[0]), "-", "_")
		if name == "Content_Length" || seen[name] {
			continue // the watchdog tells the first of a header sent twice
		}
		seen[name] = true
		add(name, kv[1])
	}
	return env
}
