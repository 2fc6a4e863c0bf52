// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// buildLinesMax bounds what is kept of a build's output, to be shown when it fails.
const buildLinesMax = 2000

// progress tells on stderr how a deploy goes: a line for each stage once it is over,
// and on a terminal the running one, too.
type progress struct {
	app     *app
	verbose bool
	name    string

	current string // stage that runs; empty between stages
	note    string // what it says of itself
	latest  string // line that its build printed
	began   time.Time
	build   []string // output of the build so far
}

func newProgress(a *app, f dayfly.FunctionRef, verbose bool) *progress {
	return &progress{app: a, verbose: verbose, name: f.String()}
}

// event takes one event of a deploy.
func (p *progress) event(e client.DeployEvent) {
	if e.Stage != p.current {
		p.stage(e.Stage)
	}
	switch {
	case e.Stream != "":
		p.line(e.Text)
	case e.Text != "":
		p.note = e.Text
		p.show()
	}
}

// stage ends the stage that ran and begins another.
func (p *progress) stage(name string) {
	p.done()
	p.current, p.note, p.latest, p.began = name, "", "", p.app.Now()
	p.show()
}

// show draws the running stage, on a terminal.
func (p *progress) show() {
	if p.app.Alert.Terminal && !p.app.JSON && !p.verbose {
		p.clear()
		text := "… " + p.text()
		if p.latest != "" {
			text += "  " + p.latest
		}
		p.app.Notef("%s", p.app.Alert.Dim(p.app.Alert.Fit(text)))
	}
}

func (p *progress) clear() {
	if p.app.Alert.Terminal && !p.app.JSON && !p.verbose {
		p.app.Notef("\r\x1b[K")
	}
}

func (p *progress) text() string {
	text := p.name + ": " + p.current
	if p.note != "" {
		text += ", " + firstLine(p.note)
	}
	return term.Plain(text)
}

// done ends the running stage, well.
func (p *progress) done() {
	if p.current == "" {
		return
	}
	p.clear()
	if !p.app.JSON {
		took := p.app.Alert.Dim(term.Span(p.app.Now().Sub(p.began)))
		p.app.Notef("%s %s  %s\n", p.app.Alert.Green("✓"), p.text(), took)
	}
	p.current = ""
}

// fail ends the running stage with an error, and shows what the build printed.
func (p *progress) fail(err error) error {
	p.clear()
	if !p.app.JSON {
		if p.current != "" {
			took := p.app.Alert.Dim(term.Span(p.app.Now().Sub(p.began)))
			p.app.Notef("%s %s  %s\n", p.app.Alert.Red("✗"), p.text(), took)
		}
		if !p.verbose {
			for _, line := range p.build {
				p.app.Notef("  %s\n", line)
			}
		}
		return p.untold(err)
	}
	return err
}

// untold takes from an error's text the lines that the build has printed: they stand
// above it.
func (p *progress) untold(err error) error {
	var known *dayfly.Error
	if !errors.As(err, &known) {
		return err
	}
	told := map[string]bool{}
	for _, line := range p.build {
		told[strings.TrimSpace(line)] = true
	}
	lines := strings.Split(known.Message, "\n")
	rest := slices.DeleteFunc(slices.Clone(lines[1:]), func(line string) bool {
		return told[strings.TrimSpace(term.Plain(line))]
	})
	if len(rest) == len(lines)-1 {
		return err
	}
	less := *known
	less.Message = strings.Join(append([]string{lines[0]}, rest...), "\n")
	if len(rest) == 0 {
		less.Message = strings.TrimSuffix(lines[0], ":")
	}
	return &less
}

// line takes a line that the build printed.
func (p *progress) line(text string) {
	text = term.Plain(strings.TrimRight(text, "\r\n"))
	if len(p.build) == buildLinesMax {
		p.build = p.build[1:]
	}
	p.build = append(p.build, text)
	if p.verbose && !p.app.JSON {
		p.app.Notef("  %s\n", p.app.Alert.Dim(text))
		return
	}
	p.latest = strings.ReplaceAll(text, "\t", " ") // it must stay on its line
	p.show()
}

// uploaded says what was sent.
func (p *progress) uploaded(s *client.Source, sent int64) {
	if sent == 0 {
		p.note = "already uploaded, nothing to send"
	} else {
		p.note = term.Plural(s.Files, "file") + ", " + term.Size(s.Bytes) + ", sent as " + term.Size(sent)
	}
	p.done()
	for _, name := range s.Dropped {
		if !p.app.JSON {
			p.app.Notef("%s left out %s\n", p.app.Alert.Yellow("!"), term.Plain(name))
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
