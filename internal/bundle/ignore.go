// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// ignoreBytesMax bounds one ignore file; real ones are a few KiB.
const ignoreBytesMax = 256 << 10

// rules are patterns in the syntax of .gitignore (man gitignore), in order: the last
// one that matches decides. A value is never changed; with makes a longer one.
type rules struct {
	list []rule
}

type rule struct {
	pattern *regexp.Regexp // of the path below base
	base    string         // folder that the pattern is anchored to; "" is the root
	negated bool
	folders bool // matches folders only
}

func newRules(lines []string) *rules { return (&rules{}).with("", lines) }

// with gives r and the patterns of lines, which apply below the folder base.
func (r *rules) with(base string, lines []string) *rules {
	longer := &rules{list: r.list[:len(r.list):len(r.list)]}
	for _, line := range lines {
		if parsed, ok := parseRule(base, line); ok {
			longer.list = append(longer.list, parsed)
		}
	}
	return longer
}

// ignored tells whether the path is left out. The caller does not ask for what is in
// a folder that is left out: as in git, nothing below it can be taken back in.
func (r *rules) ignored(name string, isFolder bool) bool {
	for i := len(r.list) - 1; i >= 0; i-- {
		rule := &r.list[i]
		below, ok := strings.CutPrefix(name, rule.base)
		if !ok || rule.folders && !isFolder {
			continue
		}
		if rule.pattern.MatchString(below) {
			return !rule.negated
		}
	}
	return false
}

func parseRule(base, line string) (rule, bool) {
	line = strings.TrimSuffix(line, "\r")
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = strings.TrimSuffix(line, " ")
	}
	if line == "" || strings.HasPrefix(line, "#") {
		return rule{}, false
	}
	parsed := rule{}
	if base != "" && base != "." {
		parsed.base = base + "/"
	}
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		parsed.negated, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		parsed.folders, line = true, rest
	}
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return rule{}, false
	}
	expression := globExpression(line)
	if !anchored {
		expression = `(?:.*/)?` + expression
	}
	compiled, err := regexp.Compile(`(?s)^` + expression + `$`)
	if err != nil {
		return rule{}, false // such as "[z-a]": git, too, matches nothing with it
	}
	parsed.pattern = compiled
	return parsed, true
}

// globExpression turns a pattern into a regular expression, which runs in linear time
// whatever the pattern is.
func globExpression(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); {
		rest := glob[i:]
		atStart := i == 0 || glob[i-1] == '/'
		switch {
		case atStart && strings.HasPrefix(rest, "**/"):
			b.WriteString(`(?:.*/)?`)
			i += 3
		case atStart && rest == "**":
			b.WriteString(`.+`)
			i += 2
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
			i += len(rest) - len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b.WriteString(`[^/]`)
			i++
		case rest[0] == '[':
			class, size := globClass(rest)
			b.WriteString(class)
			i += size
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i += 2
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
			i++
		}
	}
	return b.String()
}

// globClass translates a bracket expression at the start of s and gives its length
// there; a bracket without an end is an ordinary character.
func globClass(s string) (string, int) {
	end := 1
	if end < len(s) && (s[end] == '!' || s[end] == '^') {
		end++
	}
	if end < len(s) && s[end] == ']' {
		end++
	}
	for end < len(s) && s[end] != ']' {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		return `\[`, 1
	}
	inner := s[1:end]
	negation := ""
	if inner[0] == '!' || inner[0] == '^' {
		negation, inner = "^/", inner[1:]
	}
	if strings.HasPrefix(inner, "]") {
		inner = `\` + inner
	}
	inner = strings.ReplaceAll(inner, "[", `\[`)
	return "[" + negation + inner + "]", end + 1
}

// ignoreFile gives rules with those of the ignore file of that name in dir, if any.
func (p *packer) ignoreFile(dir, name string, rules *rules) (*rules, error) {
	file := path.Join(dir, name)
	info, err := p.root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return rules, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", file, err)
	}
	f, err := p.root.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, ignoreBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return rules.with(dir, strings.Split(string(text), "\n")), nil
}
