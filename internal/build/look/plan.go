// SPDX-License-Identifier: Apache-2.0

package look

import (
	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Install says how dependencies get into the bundle.
type Install string

// The ways to install.
const (
	InstallNone Install = ""
	InstallPip  Install = "pip" // Requirements and Project of the plan
	InstallNpm  Install = "npm"
	InstallGo   Install = "go" // compiles Package into a program

	InstallJava   Install = "java"   // as Java of the plan says
	InstallRuby   Install = "ruby"   // as Ruby of the plan says
	InstallPHP    Install = "php"    // as PHP of the plan says
	InstallDotNet Install = "dotnet" // as DotNet of the plan says
	InstallRust   Install = "rust"   // as Rust of the plan says
	InstallWasm   Install = "wasm"   // as Wasm of the plan says, then machine code is made
)

// Plan is what was decided about a source.
type Plan struct {
	Language toolchain.Language
	// Version is the runtime's that the source asks for, "3.11" or "20"; empty when
	// any will do.
	Version  string
	Contract dayfly.Contract
	Dialect  dayfly.Dialect
	Entry    string
	Command  []string
	// Payload is what a Lambda handler needs that takes no other; empty for any.
	Payload dayfly.Payload

	Install Install
	// Requirements are files for pip, such as requirements.txt; Packages are what
	// is required beside; Project tells to install the source itself.
	Requirements []string
	Packages     []string
	Project      bool
	// Compile tells that there is enough Python code for compiling it to pay.
	Compile bool
	// Locked tells that a lock file pins what is installed; Script is the
	// package script to run after installing, with development dependencies.
	Locked bool
	Script string
	// SessionKey is a file that gets a random key, which the code would make at its
	// start where nothing can be written; empty for none.
	SessionKey string
	// TypeScript is the module to compile to the file Output; empty for none.
	TypeScript, Output string
	// Package is the folder of a Go program's main package; Files are what to
	// compile instead when there is no go.mod.
	Package string
	Files   []string

	// Concurrency is how many calls at once the program takes, when that is not what
	// its contract usually gives; 0 otherwise.
	Concurrency int
	// Env are variables of the function that frameworks expect to be set; the user's
	// own come before them.
	Env map[string]string
	// Triggers are what files of other platforms say that the function is called by;
	// what the user says comes in their place.
	Triggers []dayfly.Trigger

	// What the languages need beside.
	Go     GoPlan
	Node   NodePlan
	Java   JavaPlan
	Ruby   RubyPlan
	PHP    PHPPlan
	DotNet DotNetPlan
	Rust   RustPlan
	Wasm   WasmPlan
	// Extra are files that the bundle gets beside the source's own.
	Extra map[string]string
	// Notices tell what a user may not expect.
	Notices []string
}

// Program is where a compiled program goes in its bundle, below the code.
const Program = ".dayfly/bin/app"

// Describe says in a few words what was found: "handler (lambda) · app.handler".
func (p *Plan) Describe() string {
	text := string(p.Contract)
	if p.Dialect != "" {
		text += " (" + string(p.Dialect) + ")"
	}
	text += " · "
	if p.Contract == dayfly.ContractHandler {
		return text + p.Entry
	}
	words := ""
	for i, word := range p.Command {
		if i > 0 {
			words += " "
		}
		words += word
	}
	return text + words
}

// Notice adds what a user may not expect.
func (p *Plan) Notice(text string) { p.Notices = append(p.Notices, text) }
