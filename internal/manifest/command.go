// SPDX-License-Identifier: Apache-2.0

package manifest

import "strings"

// shellCharacters need a shell when they stand in a command.
const shellCharacters = "$'\"`\\|&;<>()*?[]{}~#\n"

// SplitCommand turns a command line into a program and its arguments. One that needs
// a shell, for a variable or quotes, is given to it.
func SplitCommand(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.ContainsAny(line, shellCharacters) && !isAssignment(line) {
		return strings.Fields(line)
	}
	if !strings.ContainsAny(line, "|&;<>()`\n") && !isAssignment(line) {
		line = "exec " + line // the program itself gets signals, not the shell
	}
	return []string{"/bin/sh", "-c", line}
}

// isAssignment tells a line that sets a variable first: "NODE_ENV=production node x".
func isAssignment(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	name, _, ok := strings.Cut(word, "=")
	return ok && variablePattern.MatchString(name)
}
