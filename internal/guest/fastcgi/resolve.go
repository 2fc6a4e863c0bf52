// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"io/fs"
	"path"
	"strings"
)

// target is what answers a path.
type target struct {
	kind     targetKind
	script   string // of targetScript: below the root, "/index.php"
	pathInfo string // of targetScript: what follows the script
}

type targetKind int

const (
	targetNothing targetKind = iota // 404
	targetFile                      // the file at the path
	targetFolder                    // the path with a slash at its end
	targetScript                    // the program
)

// front is the script that answers what is no file, and the index of a folder.
const front = "index.php"

// described are files that speak of the source and are not for clients, in folders that
// hold both.
var described = []string{
	"composer.json", "composer.lock", "dayfly.yaml", "dayfly.yml", "dayfly.toml", "procfile", "dockerfile",
	"package.json", "package-lock.json", "phpunit.xml", "artisan",
}

// resolvePHP finds what answers a path in a folder of PHP scripts and other files.
func resolvePHP(root fs.FS, urlPath string) target {
	clean := path.Clean("/" + urlPath)
	if script, rest, ok := cutScript(root, clean); ok {
		return target{kind: targetScript, script: script, pathInfo: rest}
	}
	name := strings.TrimPrefix(clean, "/")
	if name == "" {
		name = "."
	}
	info, err := fs.Stat(root, name)
	switch {
	case err != nil || isHidden(clean):
	case info.Mode().IsRegular() && !isScript(name):
		return target{kind: targetFile}
	case info.IsDir():
		if t := resolveFolder(root, clean, strings.HasSuffix(urlPath, "/") || clean == "/"); t.kind != targetNothing {
			return t
		}
	}
	if isFile(root, front) {
		return target{kind: targetScript, script: "/" + front}
	}
	return target{}
}

// resolveFolder finds a folder's index.
func resolveFolder(root fs.FS, clean string, slash bool) target {
	index := target{kind: targetScript, script: path.Join(clean, front)}
	if !isFile(root, strings.TrimPrefix(index.script, "/")) {
		if !isFile(root, strings.TrimPrefix(path.Join(clean, "index.html"), "/")) {
			return target{}
		}
		index = target{kind: targetFile}
	}
	if !slash {
		return target{kind: targetFolder}
	}
	return index
}

// cutScript parts a path after the first name of a script that is there.
func cutScript(root fs.FS, clean string) (script, rest string, ok bool) {
	for at := 0; ; {
		next := strings.Index(clean[at:], ".php")
		if next < 0 {
			return "", "", false
		}
		at += next + len(".php")
		script, rest = clean[:at], clean[at:]
		if (rest == "" || rest[0] == '/') && !isHidden(script) && isFile(root, script[1:]) {
			return script, rest, true
		}
	}
}

// resolveProgram finds what answers a path in front of another program: files, and it.
func resolveProgram(root fs.FS, urlPath string) target {
	clean := path.Clean("/" + urlPath)
	if root != nil && !isHidden(clean) && isFile(root, strings.TrimPrefix(clean, "/")) {
		return target{kind: targetFile}
	}
	return target{kind: targetScript, pathInfo: urlPath}
}

func isFile(root fs.FS, name string) bool {
	info, err := fs.Stat(root, name)
	return err == nil && info.Mode().IsRegular()
}

// isScript tells names of source, which nobody gets as a file: also what editors keep
// beside a script, index.php~ and index.php.bak.
func isScript(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".phtml", ".phar", ".inc":
		return true
	}
	return strings.Contains(strings.ToLower(path.Base(name)), ".php")
}

// isHidden tells paths that are never served.
func isHidden(clean string) bool {
	for _, name := range strings.Split(clean, "/") {
		if strings.HasPrefix(name, ".") && name != ".well-known" {
			return true
		}
	}
	for _, name := range described {
		if strings.EqualFold(clean, "/"+name) {
			return true
		}
	}
	return strings.ContainsRune(clean, 0)
}
