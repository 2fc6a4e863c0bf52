// SPDX-License-Identifier: Apache-2.0

package java

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed source
var source embed.FS

const (
	// guestClasses are the packages in the jar, warmClasses those that stems train with.
	guestClasses = "dayfly/guest"
	warmClasses  = "dayfly/warm"
	// mainClass is what the jar starts.
	mainClass = "dayfly.guest.Main"
)

// manifest opens what the guest must reach into: descriptor 3, the environment and the
// class path, all of which a virtual machine fixes at its start. In the manifest, not on
// the command line, where it would cost the archived modules.
const manifest = "Manifest-Version: 1.0\r\n" +
	"Main-Class: " + mainClass + "\r\n" +
	"Add-Opens: java.base/java.io java.base/java.lang java.base/jdk.internal.\r\n" +
	" loader\r\n" +
	"Enable-Native-Access: ALL-UNNAMED\r\n\r\n"

// sources lists the files, and their digest's input, in a fixed order.
func sources() []string {
	var list []string
	err := fs.WalkDir(source, "source", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".java") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		panic("bug: the embedded guest cannot be read: " + err.Error())
	}
	return list
}
