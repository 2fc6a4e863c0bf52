// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	// patternMax bounds the text of a regular expression, and stepsMax the work of one match:
	// instructions of its program times bytes of the text, some tens of milliseconds.
	patternMax = 1000
	stepsMax   = 5_000_000
	// regexCost is how much more a byte costs that a regular expression looks at.
	regexCost = 20
	// groupsMax bounds the groups of a regular expression: each match tells where all are.
	groupsMax = 20
)

// pattern is a regular expression that is ready to use. They take time in proportion to the
// text, whatever they are (RE2), but some take a thousand times as long as others.
type pattern struct {
	re    *regexp.Regexp
	steps int // instructions of the program
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > patternMax {
		return nil, fmt.Errorf("a regular expression of %d bytes is too long, at most %d are possible",
			len(text), patternMax)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", err)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", err)
	}
	if re.NumSubexp() > groupsMax {
		return nil, fmt.Errorf("the regular expression has %d groups, at most %d are possible", re.NumSubexp(), groupsMax)
	}
	return &pattern{re, len(program.Inst)}, nil
}

// fits tells whether a text is short enough for the pattern.
func (p *pattern) fits(text string) bool { return p.steps*(len(text)+1) <= stepsMax }

func costly() ref.Val { return fail("the text is too long for the regular expression") }

func (p *pattern) matches(args []ref.Val) ref.Val {
	if !p.fits(str(args[0])) {
		return costly()
	}
	return types.Bool(p.re.MatchString(str(args[0])))
}

// extract gives what the first group matches, or all when there is none.
func (p *pattern) extract(args []ref.Val) ref.Val {
	if !p.fits(str(args[0])) {
		return costly()
	}
	found := p.re.FindStringSubmatch(str(args[0]))
	if found == nil {
		return types.OptionalNone
	}
	return types.OptionalOf(types.String(found[min(1, len(found)-1)]))
}

// replace puts a text in place of each match; $1 and ${name} in it are groups.
func (p *pattern) replace(args []ref.Val) ref.Val {
	text, by := str(args[0]), str(args[2])
	if !p.fits(text) {
		return costly()
	}
	var b []byte
	at := 0
	found := p.re.FindAllStringSubmatchIndex(text, partsOfTextMax+1)
	if len(found) > partsOfTextMax {
		return fail("the regular expression matches more than %d times", partsOfTextMax)
	}
	for _, m := range found {
		b = append(b, text[at:m[0]]...)
		if groups := strings.Count(by, "$"); len(b)+len(by)+groups*(m[1]-m[0]) > textMax {
			return fail("the text is longer than %d bytes", textMax)
		}
		b = p.re.ExpandString(b, by, text, m)
		at = m[1]
	}
	return bounded(string(append(b, text[at:]...)))
}

// dynamic compiles a regular expression that is known only now.
func dynamic(apply func(*pattern, []ref.Val) ref.Val, args []ref.Val) ref.Val {
	p, err := compilePattern(str(args[1]))
	if err != nil {
		return fail("%s", err.Error())
	}
	return apply(p, args)
}

func matches(args ...ref.Val) ref.Val { return dynamic((*pattern).matches, args) }

func extract(args ...ref.Val) ref.Val { return dynamic((*pattern).extract, args) }

func replaceRegex(args ...ref.Val) ref.Val { return dynamic((*pattern).replace, args) }
