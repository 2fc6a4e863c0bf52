// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
)

// What code on a JVM gets when nobody says otherwise. Spring Boot takes seconds to
// start on one processor, as Clojure does on a busy one; a server has 150 MB before its
// first request.
const (
	javaInitTimeout = time.Minute
	javaServerBytes = 512 << 20
	heapShare       = 2 // one part in so many of an instance's memory; the rest is code, threads and /tmp
)

// javaDefaults are a JVM's, before the settings are applied.
func javaDefaults(spec *dayfly.Spec) {
	spec.Limits.InitTimeout = javaInitTimeout
	if spec.Contract == dayfly.ContractHTTP {
		spec.Limits.MemoryBytes = javaServerBytes
	}
}

var (
	javaWord = grep.Of(`(^|\bexec |&& ?|; ?)java `)
	ownHeap  = grep.Of(`-Xmx|MaxRAM|MaxHeap| @`)
)

// withHeap tells a java in a command how much memory it has: in its box it would take
// the machine's for its own. A command that says so itself stays as it is.
func withHeap(words []string, memoryBytes int64) []string {
	if len(words) == 0 || ownHeap.MatchString(strings.Join(words, " ")) {
		return words
	}
	heap := fmt.Sprintf("-Xmx%dm", memoryBytes/heapShare>>20)
	switch {
	case words[0] == "java":
		return append([]string{"java", heap}, words[1:]...)
	case words[0] == "/bin/sh" && len(words) == 3:
		return []string{words[0], words[1], javaWord.ReplaceAllString(words[2], "${1}java "+heap+" ")}
	}
	return words
}
