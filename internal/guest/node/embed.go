// SPDX-License-Identifier: Apache-2.0

package node

import (
	"embed"
	"io/fs"
)

// Entry is the script among Files that Node starts.
const Entry = "guest.cjs"

//go:embed source
var source embed.FS

// Files are the guest's scripts, flat. The host writes them to one folder that every
// sandbox of a Node runtime sees.
func Files() fs.FS {
	files, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded folder has another name: " + err.Error())
	}
	return files
}

// Flags are the options that Node is started with, before the script's path.
func Flags() []string {
	return []string{
		// Outgoing TLS trusts the certificates that the sandbox shows at the usual place.
		"--use-openssl-ca",
		// A small young generation keeps the resident size of an instance near what its
		// live objects need; the cost is a more frequent, but shorter, scavenge.
		"--max-semi-space-size=4",
		// Deprecations and experiments of Node are no matter of the function's log.
		"--no-warnings",
	}
}
