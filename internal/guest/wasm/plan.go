// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"encoding/json"
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
	Program *wagi.Program `json:"program"`
	// Files are the modules as they are loaded, by their names in the program.
	Files map[string]string `json:"files"`
}

func readPlan(task string) (*plan, error) {
	text, err := os.ReadFile(filepath.Join(task, planFile))
	if err != nil {
		return nil, err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil || p.Program == nil {
		return nil, fmt.Errorf("read %s: it is damaged: %v", planFile, err)
	}
	return &p, nil
}

// read gives the module of that name as it is loaded.
func (p *plan) read(task, name string) ([]byte, error) {
	if file, ok := p.Files[name]; ok {
		return os.ReadFile(filepath.Join(task, file))
	}
	module, err := readModule(task, name)
	if err != nil {
		return nil, err
	}
	return wasm.Strip(module)
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
