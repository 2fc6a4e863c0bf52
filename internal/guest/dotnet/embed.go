// SPDX-License-Identifier: Apache-2.0

package dotnet

import (
	"embed"
	"io/fs"
	"path/filepath"
)

//go:embed source
var source embed.FS

// coreName is the assembly that stands in for the package of that name.
const coreName = "Amazon.Lambda.Core.dll"

// mapper are the sources that the guest and the stand-in assembly share.
var mapper = [...]string{"Json.cs", "JsonMapper.cs"}

func files() fs.FS {
	below, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded guest has no folder: " + err.Error())
	}
	return below
}

// CompatName is the file name of the assembly that functions are compiled against when
// they do not bring Amazon.Lambda.Core.
func CompatName() string { return coreName }

// CompatFiles are that assembly's sources, by their paths.
func CompatFiles() map[string]string {
	names, err := fs.Glob(files(), "compat/*.cs")
	if err != nil {
		panic("bug: " + err.Error())
	}
	list := map[string]string{}
	for _, name := range append(names, mapper[:]...) {
		text, err := fs.ReadFile(files(), name)
		if err != nil {
			panic("bug: an embedded file cannot be read: " + err.Error())
		}
		list[name] = string(text)
	}
	return list
}

// MonoCompiler gives where mcs is beside a Mono runtime, whether or not it is there.
func MonoCompiler(mono string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(mono)), "lib", "mono", "4.5", "mcs.exe")
}
