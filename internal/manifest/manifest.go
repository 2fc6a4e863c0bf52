// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Bounds of a manifest.
const (
	fileBytesMax = 1 << 20 // a thousand functions take about 200 KiB
	// nodesMax bounds what is read with every alias expanded, so that nested
	// aliases cannot multiply.
	nodesMax     = 100_000
	functionsMax = 1000
	depthMax     = 32           // of nesting; the deepest key that we know is at 7, and an input below it
	columnsMax   = 8 * depthMax // of indentation, and of brackets open at once
	envBytesMax  = 64 << 10     // of one function; a Linux process can take 128 KiB in one variable
	wordsMax     = 256          // of a command
)

// FileName is how the manifest of a project is called.
const FileName = "dayfly.yaml"

// Manifest is the content of a dayfly.yaml.
type Manifest struct {
	// Project is the project of all functions; empty when the file does not say.
	Project dayfly.ProjectName
	// Functions hold at least one entry each; a source is relative to the file's
	// folder, which is the source of a function that names none.
	Functions map[dayfly.FunctionName]Function
	// Queues and Buckets are made before the functions.
	Queues  map[dayfly.QueueName]QueueSettings   `json:",omitempty"`
	Buckets map[dayfly.BucketName]BucketSettings `json:",omitempty"`
	// Front is what the project shows to the public; nil when the file says nothing of it.
	// Paths of files in it are relative to the file's folder.
	Front *front.Front `json:",omitempty"`
	// OpenAPI is the path of a document whose operations are routes, too.
	OpenAPI string `json:",omitempty"`

	places places
}

// Names gives the functions' names in order.
func (m *Manifest) Names() []dayfly.FunctionName {
	return slices.Sorted(maps.Keys(m.Functions))
}

// Find gives the path of the manifest in a folder, if there is one.
func Find(dir string) (string, bool) {
	for _, name := range []string{FileName, "dayfly.yml"} {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, true
		}
	}
	return "", false
}

// Load reads the manifest at that path.
func Load(path string) (*Manifest, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open manifest: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return Parse(data, filepath.Base(path))
}

// Parse reads a manifest; name is what errors call it.
func Parse(data []byte, name string) (*Manifest, error) {
	if len(data) > fileBytesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is larger than %s", name,
			dayfly.FormatBytes(fileBytesMax))
	}
	r := &reader{file: name}
	m := &Manifest{Functions: map[dayfly.FunctionName]Function{}, places: places{reader: r}}
	root, err := r.parse(data)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, r.errorf(nil, "the file is empty: it needs functions")
	}
	entries, err := r.mapping(root, "the manifest")
	if err != nil {
		return nil, err
	}
	m.places.root = entries
	for _, entry := range entries {
		if err := r.rootKey(m, entry); err != nil {
			return nil, err
		}
	}
	if err := r.front(m); err != nil {
		return nil, err
	}
	if len(m.Functions) == 0 && m.Front == nil && m.OpenAPI == "" {
		return nil, r.errorf(nil, "there is no function in it: it needs functions, routes or a site")
	}
	return m, nil
}
