// SPDX-License-Identifier: Apache-2.0

package look

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Ranks of candidates: what a source says of itself comes before what its code looks
// like, and code that can be called before code that can only be run.
const (
	RankDeclared = iota // Procfile, serverless.yml, package.json's start
	RankExported        // a handler or an application
	RankServer          // listens on a port
	RankProgram         // runs and ends
	RankSite            // pages without code
	RankProblem         // known, but not possible
)

// Candidate is one way to call the source.
type Candidate struct {
	Rank     int
	Language toolchain.Language
	Contract dayfly.Contract
	Dialect  dayfly.Dialect
	File     string // module of a handler
	Export   string
	Entry    string // of a handler whose entry is no MODULE.EXPORT; wins over both
	Command  []string
	Version  string // of the runtime
	Notices  []string
	Extra    map[string]string
	Payload  dayfly.Payload // of a Lambda handler that needs a certain one
	// Problem says why it cannot be called; it is told when nothing better is there.
	Problem string
}

// Name says in a few words what would be called.
func (c *Candidate) Name() string {
	switch {
	case c.Contract == dayfly.ContractHandler:
		return string(c.Language) + " handler " + EntryIfHandler(*c)
	default:
		return string(c.Contract) + " program " + strings.Join(c.Command, " ")
	}
}

// EntryOf gives the entry of a module's export. A dotted export of Python needs a
// colon, as the last dot would part it otherwise.
func EntryOf(file, export string) string {
	module := strings.TrimSuffix(file, path.Ext(file))
	switch {
	case export == "":
		return module
	case path.Ext(file) == ".py" && strings.Contains(export, "."):
		return module + ":" + export
	}
	return module + "." + export
}

// Handler is an export of a module that is called with each request or event.
func Handler(language toolchain.Language, dialect dayfly.Dialect, file, export string) Candidate {
	return Candidate{
		Rank: RankExported, Language: language, Contract: dayfly.ContractHandler,
		Dialect: dialect, File: file, Export: export,
	}
}

// Server is a program that listens on $PORT.
func Server(language toolchain.Language, command ...string) Candidate {
	return Candidate{
		Rank: RankServer, Language: language, Contract: dayfly.ContractHTTP, Command: command,
	}
}

// Runs is a program that is started for each call.
func Runs(language toolchain.Language, command ...string) Candidate {
	return Candidate{
		Rank: RankProgram, Language: language, Contract: dayfly.ContractStdio, Command: command,
	}
}

// Polls is a program for AWS Lambda's Runtime API.
func Polls(language toolchain.Language, command ...string) Candidate {
	return Candidate{
		Rank: RankExported, Language: language, Contract: dayfly.ContractLambda, Command: command,
	}
}

// Problem is what is known and cannot be called, and why.
func Problem(format string) Candidate { return Candidate{Rank: RankProblem, Problem: format} }

// EntryIfHandler gives the entry of a handler; "" for programs.
func EntryIfHandler(c Candidate) string {
	if c.Contract != dayfly.ContractHandler {
		return ""
	}
	if c.Entry != "" {
		return c.Entry
	}
	return EntryOf(c.File, c.Export)
}
