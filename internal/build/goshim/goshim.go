// SPDX-License-Identifier: Apache-2.0

package goshim

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"go/token"
	"strings"
	"text/template"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
)

// Kind is the shape of the functions, which are all alike in one program.
type Kind string

// The kinds.
const (
	KindHTTP         Kind = "http"         // func(http.ResponseWriter, *http.Request)
	KindFramework    Kind = "framework"    // registered with functions-framework-go's functions
	KindCloudEvent   Kind = "cloudevent"   // func(context.Context, event.Event) error
	KindEvent        Kind = "event"        // func(context.Context, T) error
	KindOpenFaaS     Kind = "openfaas"     // func([]byte) string
	KindOpenFaaSHTTP Kind = "openfaas-sdk" // func(handler.Request) (handler.Response, error)
	KindOpenWhisk    Kind = "openwhisk"    // func(map[string]interface{}) map[string]interface{}
)

// Function is one function to serve.
type Function struct {
	// Package is the import path; empty when the function's package is main itself.
	Package string
	Name    string
	// Pattern is the path that is served, with segments such as [id] and [...rest];
	// empty for every path.
	Pattern string
}

// Rewrite sends paths to others: Source is a regular expression for the whole path,
// Target the path instead, in which $1 or ${name} stand for what it found.
type Rewrite struct{ Source, Target string }

// Program is what to write.
type Program struct {
	Kind      Kind
	Functions []Function // one or more; all but KindHTTP take the first alone
	// SDK is the import path of handler.Request, for KindOpenFaaSHTTP.
	SDK string
	// Metadata is set when functions ask cloud.google.com/go/functions/metadata for
	// the event's context.
	Metadata bool
	Rewrites []Rewrite
}

// functionsMax bounds the functions of one program, rewritesMax its rewrites.
const (
	functionsMax = 200
	rewritesMax  = 200
)

var (
	importPath  = grep.Of(`^[A-Za-z0-9_.~/-]{1,300}$`)
	pathPattern = grep.Of(`^[^\x00-\x20"\\` + "`" + `]{0,500}$`)
)

//go:embed template
var templates embed.FS

// Source gives the program's one Go file.
func Source(p Program) (string, error) {
	if err := p.validate(); err != nil {
		return "", err
	}
	parsed, err := template.New("").ParseFS(templates, "template/*.tmpl")
	if err != nil {
		panic("bug: the embedded templates do not parse: " + err.Error())
	}
	var b bytes.Buffer
	if err := parsed.ExecuteTemplate(&b, string(p.Kind)+".tmpl", p); err != nil {
		return "", fmt.Errorf("write main package: %w", err)
	}
	source, err := format.Source(b.Bytes())
	if err != nil {
		panic("bug: a written main package does not parse: " + err.Error())
	}
	return string(source), nil
}

func (p *Program) validate() error {
	if len(p.Functions) == 0 || len(p.Functions) > functionsMax {
		return fmt.Errorf("%d functions, want 1 to %d", len(p.Functions), functionsMax)
	}
	if len(p.Rewrites) > rewritesMax {
		return fmt.Errorf("%d rewrites, want at most %d", len(p.Rewrites), rewritesMax)
	}
	for _, f := range p.Functions {
		switch {
		case p.Kind != KindFramework && (!token.IsIdentifier(f.Name) || !token.IsExported(f.Name)):
			return fmt.Errorf("%.100q is not the name of an exported function", f.Name)
		case f.Package != "" && !importPath.MatchString(f.Package):
			return fmt.Errorf("%.100q is not an import path", f.Package)
		case !pathPattern.MatchString(f.Pattern):
			return fmt.Errorf("%.100q is not a path", f.Pattern)
		}
	}
	if p.SDK != "" && !importPath.MatchString(p.SDK) {
		return fmt.Errorf("%.100q is not an import path", p.SDK)
	}
	return nil
}

// First is the function of kinds that take one.
func (p Program) First() Function { return p.Functions[0] }

// Alias is how the main package names the i-th function's package.
func (p Program) Alias(i int) string { return fmt.Sprintf("function%d", i) }

// Imports are the lines that import the functions' packages, each once.
func (p Program) Imports() string {
	var b strings.Builder
	for i, f := range p.Functions {
		if f.Package != "" && p.first(f.Package) == i {
			fmt.Fprintf(&b, "%s %q\n", p.Alias(i), f.Package)
		}
	}
	return b.String()
}

// Call is how the main package names the i-th function.
func (p Program) Call(i int) string {
	f := p.Functions[i]
	if f.Package == "" {
		return f.Name
	}
	return p.Alias(p.first(f.Package)) + "." + f.Name
}

// first gives the place of the first function of a package.
func (p Program) first(path string) int {
	for i, f := range p.Functions {
		if f.Package == path {
			return i
		}
	}
	return 0
}
