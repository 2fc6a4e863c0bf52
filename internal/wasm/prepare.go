// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
)

// ErrMisfit tells that prepared machine code cannot be used: the module itself can.
var ErrMisfit = errors.New("the machine code does not fit")

// Prepared is a module that was compiled ahead.
type Prepared struct {
	// Skeleton is the module without the code of its functions: decoding and checking
	// that takes longer than all else of loading, and the machine code is there.
	Skeleton []byte `json:"-"`
	// Code is the name of the file with the machine code of the skeleton's functions.
	Code string `json:"code"`
}

const (
	codeID = 10 // the section with the code of functions
	// hashName is the custom section that makes skeletons of modules that differ in
	// their code alone different.
	hashName = "dayfly.code"
)

// nothing is the code of a skeleton's function: no locals, unreachable, end.
var nothing = []byte{3, 0, 0, 0x0b}

// Prepare compiles a module into Dir, which may be written to.
func (e *Engine) Prepare(ctx context.Context, module []byte) (*Module, Prepared, error) {
	loaded, whole, err := e.compile(ctx, module)
	if err != nil {
		return nil, Prepared{}, err
	}
	skeleton, err := skeletonOf(module)
	if err != nil {
		return nil, Prepared{}, err
	}
	_, hollow, err := e.compile(ctx, skeleton)
	if err != nil {
		return nil, Prepared{}, err
	}
	folder := filepath.Join(e.dir, e.folder)
	if err := os.Rename(filepath.Join(folder, whole), filepath.Join(folder, hollow)); err != nil {
		return nil, Prepared{}, fmt.Errorf("keep machine code: %w", err)
	}
	return loaded, Prepared{Skeleton: skeleton, Code: hollow}, nil
}

// compile compiles a module and gives the name of the file with its machine code.
func (e *Engine) compile(ctx context.Context, module []byte) (*Module, string, error) {
	folder := filepath.Join(e.dir, e.folder)
	before, err := os.ReadDir(folder)
	if err != nil {
		return nil, "", fmt.Errorf("list machine code: %w", err)
	}
	loaded, err := e.Load(ctx, module)
	if err != nil {
		return nil, "", err
	}
	name, err := newest(folder, before)
	return loaded, name, err
}

// newest gives the one file that is in a folder now and was not before.
func newest(folder string, before []os.DirEntry) (string, error) {
	now, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("list machine code: %w", err)
	}
	known := make(map[string]bool, len(before))
	for _, entry := range before {
		known[entry.Name()] = true
	}
	found := ""
	for _, entry := range now {
		if known[entry.Name()] {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("compiling wrote %s and %s, want one file", found, entry.Name())
		}
		found = entry.Name()
	}
	if found == "" {
		return "", errors.New("compiling wrote no machine code")
	}
	return found, nil
}

// Map loads a module with the machine code that was made ahead. An error that is
// ErrMisfit means that Load must do.
func (e *Engine) Map(ctx context.Context, p Prepared) (*Module, error) {
	if e.wrote || p.Code == "" || p.Code != filepath.Base(p.Code) {
		return nil, ErrMisfit
	}
	// Without the file the library would compile the skeleton, whose functions do nothing.
	if _, err := os.Stat(filepath.Join(e.dir, e.folder, p.Code)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMisfit, err)
	}
	m, err := e.load(ctx, p.Skeleton)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMisfit, err)
	}
	return m, nil
}

// skeletonOf takes the code out of a module's functions.
func skeletonOf(module []byte) ([]byte, error) {
	var out []byte
	err := eachSection(module, func(id byte, whole, content []byte) error {
		if id != codeID {
			out = append(out, whole...)
			return nil
		}
		count, n := binary.Uvarint(content)
		if n <= 0 || count > uint64(len(content)) {
			return dayfly.Errorf(dayfly.KindInvalid, "%s", errBroken)
		}
		body := append(binary.AppendUvarint(nil, count), bytes.Repeat(nothing, int(count))...)
		out = append(binary.AppendUvarint(append(out, codeID), uint64(len(body))), body...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(module)
	custom := append([]byte{byte(len(hashName))}, hashName...)
	custom = append(custom, sum[:]...)
	out = append(binary.AppendUvarint(append(out, customID), uint64(len(custom))), custom...)
	return append(append([]byte{}, module[:HeadBytes]...), out...), nil
}
