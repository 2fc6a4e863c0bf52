// SPDX-License-Identifier: Apache-2.0

package ruby

import (
	"embed"
	"io/fs"
)

// Entry is the script among Files that the interpreter starts.
const Entry = "guest.rb"

//go:embed source/guest.rb source/dayfly
var source embed.FS

// Flags are the interpreter's options before the path of Entry. RubyGems is loaded by
// the guest, after its own libraries, so that they count as no gem of the function's;
// what RubyGems would load beside, such as did_you_mean, is left out for speed.
func Flags() []string { return []string{"--disable=gems,rubyopt"} }

// Files are the guest's scripts. The host writes them to one folder that every sandbox
// of a Ruby runtime sees.
func Files() fs.FS {
	files, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded guest has no folder: " + err.Error())
	}
	return files
}
