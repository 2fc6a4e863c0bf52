// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// file is a document or a part of one.
type file struct {
	name string // below the folder of the document
	path string // as a person finds it
	data []byte
	tree any
}

// open reads a file, once.
func (l *loader) open(name string) (*file, error) {
	if f := l.files[name]; f != nil {
		return f, nil
	}
	f := &file{name: name, path: filepath.Join(l.folder, filepath.FromSlash(name))}
	if len(l.files) == filesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: there are more than %d files", f.path, filesMax)
	}
	l.files[name] = f
	opened, err := l.root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: there is no such file", f.path)
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: the file cannot be read, or is not in %s", f.path, l.folder)
	}
	defer opened.Close()
	if info, err := opened.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: it is no file", f.path)
	}
	f.data, err = io.ReadAll(io.LimitReader(opened, fileBytesMax+1))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", f.path, err)
	}
	if l.bytes += len(f.data); len(f.data) > fileBytesMax || l.bytes > bytesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: it is larger than %d MiB, or all files are than %d",
			f.path, fileBytesMax>>20, bytesMax>>20)
	}
	f.tree, err = l.parse(f)
	return f, err
}

// parse reads JSON or YAML.
func (l *loader) parse(f *file) (any, error) {
	text := bytes.TrimSpace(f.data)
	if len(text) == 0 || text[0] != '{' {
		return l.parseYAML(f)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil || decoder.More() {
		return l.parseYAML(f) // which may begin with a brace too
	}
	return tree, l.measure(f, tree, 0)
}

// measure counts values, and refuses depth.
func (l *loader) measure(f *file, tree any, depth int) error {
	if l.values++; l.values > valuesMax || depth > depthMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%s: it holds more than %d values, or is deeper than %d",
			f.path, valuesMax, depthMax)
	}
	switch tree := tree.(type) {
	case map[string]any:
		for _, inner := range tree {
			if err := l.measure(f, inner, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range tree {
			if err := l.measure(f, inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// place is where something stands.
type place struct {
	file    *file
	pointer string // a JSON pointer
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

func (p place) key(key string) place { return place{p.file, p.pointer + "/" + escapes.Replace(key)} }

// String gives the file and the pointer.
func (p place) String() string {
	if p.pointer == "" {
		return p.file.path
	}
	return p.file.path + "#" + p.pointer
}

// withLine gives the file, the line and the pointer.
func (p place) withLine() string {
	line := p.line()
	if line == 0 {
		return p.String()
	}
	text := p.file.path + ":" + strconv.Itoa(line)
	if p.pointer == "" {
		return text
	}
	return text + ": #" + p.pointer
}

// parts gives the keys of a JSON pointer.
func parts(pointer string) []string {
	if pointer == "" {
		return nil
	}
	list := strings.Split(pointer[1:], "/")
	for i, part := range list {
		list[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return list
}

// find gives what a reference, written in a value of from, refers to.
func (l *loader) find(ref string, from value) (value, error) {
	address, fragment, _ := strings.Cut(ref, "#")
	fragment, err := url.PathUnescape(fragment)
	if err != nil || fragment != "" && fragment[0] != '/' {
		return value{}, l.errorf(from.at, "the reference %.200q is no JSON pointer, like #/components/schemas/Pet", ref)
	}
	f := from.at.file
	if address != "" {
		if f, err = l.follow(address, from); err != nil {
			return value{}, err
		}
	}
	found := value{place{f, ""}, f.tree}
	for _, key := range parts(fragment) {
		switch inner := found.any.(type) {
		case map[string]any:
			next, has := inner[key]
			if !has {
				return value{}, l.errorf(from.at, "the reference %.200q leads nowhere", ref)
			}
			found = value{found.at.key(key), next}
		case []any:
			index, err := strconv.Atoi(key)
			if err != nil || index < 0 || index >= len(inner) {
				return value{}, l.errorf(from.at, "the reference %.200q leads nowhere", ref)
			}
			found = value{found.at.key(key), inner[index]}
		default:
			return value{}, l.errorf(from.at, "the reference %.200q leads nowhere", ref)
		}
	}
	return found, nil
}

// follow opens the file that a reference names.
func (l *loader) follow(address string, from value) (*file, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.RawQuery != "" {
		return nil, l.errorf(from.at, "the reference %.200q is not followed: only files are; get it and refer to the file",
			address)
	}
	name := path.Join(path.Dir(from.at.file.name), u.Path)
	if path.IsAbs(u.Path) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, l.errorf(from.at, "the reference %.200q leads out of the folder of the document", address)
	}
	f, err := l.open(name)
	if err != nil {
		return nil, l.errorf(from.at, "the reference %.200q cannot be followed: %v", address, err)
	}
	return f, nil
}

// resolve follows references from something that is no schema.
func (l *loader) resolve(v value) (value, error) {
	at := v
	for range chainMax {
		if !v.has("$ref") {
			return v, nil
		}
		ref, ok := v.get("$ref").any.(string)
		if !ok {
			return value{}, l.errorf(v.get("$ref").at, "it is no reference")
		}
		var err error
		if v, err = l.find(ref, v); err != nil {
			return value{}, err
		}
	}
	return value{}, l.errorf(at.at, "references lead in a circle, or over more than %d others", chainMax)
}
