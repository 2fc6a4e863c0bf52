// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

const (
	// planDir is where a build puts what it made, below the code.
	planDir  = ".dayfly/wasm"
	planFile = planDir + "/program.json"
	// moduleBytesMax bounds a module's file; compilers of languages with a large
	// runtime make 30 MiB.
	moduleBytesMax = 256 << 20
	// manifestBytesMax bounds modules.toml and spin.toml.
	manifestBytesMax = 256 << 10
)

// plan is what a build found out: program.json.
type plan struct {
	Format  int           `json:"format"`
	Program *wagi.Program `json:"program"`
	// Files are the modules that were compiled ahead, by their names in the program.
	Files map[string]ahead `json:"files"`
}

// ahead says where what was compiled ahead of a module is.
type ahead struct {
	File string `json:"file"` // of the skeleton, below the code
	Code string `json:"code"`
}

// errNoPlan tells that the bundle has no plan of this version.
var errNoPlan = errors.New("the bundle has no plan for its modules")

func readPlan(task string) (*plan, error) {
	text, err := os.ReadFile(filepath.Join(task, planFile))
	if err != nil {
		return nil, errNoPlan
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil || p.Program == nil || p.Format != wasm.Format {
		return nil, errNoPlan
	}
	return &p, nil
}

// programOf makes the program of a command: a module and its arguments, or the file
// that names several.
func programOf(task string, command []string) (*wagi.Program, error) {
	if !wagi.IsManifest(command[0]) {
		return wagi.Alone(command[0], command[1:]), nil
	}
	text, err := readBounded(filepath.Join(task, command[0]), manifestBytesMax)
	if err != nil {
		return nil, err
	}
	return wagi.Parse(command[0], string(text))
}

// readModule reads a module's file, and says what is wrong with one that is none.
func readModule(task, name string) ([]byte, error) {
	module, err := readBounded(filepath.Join(task, name), moduleBytesMax)
	if err != nil {
		return nil, err
	}
	if err := wasm.Check(module); err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %v", name, err)
	}
	return module, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is not in the code", filepath.Base(path))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if int64(len(content)) > most {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is larger than %s", filepath.Base(path),
			dayfly.FormatBytes(most))
	}
	return content, nil
}
