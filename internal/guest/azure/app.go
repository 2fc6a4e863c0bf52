// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of what an application's files may say.
const (
	fileBytesMax = 1 << 20
	functionsMax = 500
)

// app is an application: its functions, and the prefix of their routes.
type app struct {
	prefix    string
	functions []*function
}

// function is what one function.json says.
type function struct {
	name     string
	trigger  binding
	output   string   // name of the http output; "" for none
	others   []string // outputs of other types
	route    []segment
	methods  []string // in upper case; empty for all
	disabled bool
}

// binding is one input or output.
type binding struct {
	Type      string   `json:"type"`
	Direction string   `json:"direction"`
	Name      string   `json:"name"`
	Route     *string  `json:"route"`
	Methods   []string `json:"methods"`
	Queue     string   `json:"queueName"` // of a queueTrigger
	Path      string   `json:"path"`      // of a blobTrigger: CONTAINER/PATTERN
}

func (b *binding) isTrigger() bool { return strings.HasSuffix(b.Type, "Trigger") }

// readApp reads the application in dir.
func readApp(dir string) (*app, error) {
	a := &app{prefix: "api"}
	var host struct {
		Extensions struct {
			HTTP struct {
				RoutePrefix *string `json:"routePrefix"`
			} `json:"http"`
		} `json:"extensions"`
	}
	if err := readJSON(filepath.Join(dir, "host.json"), &host); err != nil {
		return nil, err
	}
	if given := host.Extensions.HTTP.RoutePrefix; given != nil {
		a.prefix = *given
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "function.json"))
	if err != nil {
		return nil, fmt.Errorf("look for function.json: %w", err)
	}
	for _, file := range files[:min(len(files), functionsMax)] {
		f, err := a.readFunction(file)
		if err != nil {
			return nil, err
		}
		if !f.disabled {
			a.functions = append(a.functions, f)
		}
	}
	if len(a.functions) == 0 {
		return nil, errors.New("the application has no function: there is no FOLDER/function.json")
	}
	// A route of words comes before one of names, and that before one of the rest.
	slices.SortStableFunc(a.functions, func(x, y *function) int {
		return vagueness(x.route) - vagueness(y.route)
	})
	return a, nil
}

func (a *app) readFunction(file string) (*function, error) {
	var read struct {
		Disabled bool      `json:"disabled"`
		Bindings []binding `json:"bindings"`
	}
	if err := readJSON(file, &read); err != nil {
		return nil, err
	}
	f := &function{name: filepath.Base(filepath.Dir(file)), disabled: read.Disabled}
	for _, b := range read.Bindings {
		switch {
		case b.isTrigger():
			f.trigger = b
		case b.Direction == "out" && b.Type == "http":
			f.output = b.Name
		case b.Direction == "out":
			f.others = append(f.others, b.Name)
		}
	}
	if f.trigger.Type == "" {
		return nil, fmt.Errorf("%s has no trigger", file)
	}
	if !f.isHTTP() {
		return f, nil
	}
	route := f.name
	if f.trigger.Route != nil {
		route = *f.trigger.Route
	}
	for _, m := range f.trigger.Methods {
		f.methods = append(f.methods, strings.ToUpper(m))
	}
	f.route = segments(path.Join("/", a.prefix, route))
	return f, nil
}

func (f *function) isHTTP() bool { return strings.EqualFold(f.trigger.Type, "httpTrigger") }

func readJSON(file string, into any) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(file), err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileBytesMax))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
