// SPDX-License-Identifier: Apache-2.0

package authorizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Bounds of answers.
const (
	// AnswerBytesMax bounds an answer: AWS's own bound of a policy, and as much context.
	AnswerBytesMax = 16 << 10
	contextMax     = 8 << 10 // bytes of context: it travels on in a header
	depthMax       = 8       // of a context
	statementsMax  = 100
	patternsMax    = 100 // of a statement
	patternBytes   = 1024
	starsMax       = 8 // in a pattern, so that matching is cheap
)

// Answer is what a function said.
type Answer struct {
	// Subject is the principalId, "" when the function gave none.
	Subject string
	Context map[string]any
	// Everywhere says that the answer is a policy, which holds for other requests of the same
	// identity, too.
	Everywhere bool

	authorized bool
	policy     []statement
}

// Allows tells whether the answer lets the request with that ARN in.
func (a *Answer) Allows(arn string) bool {
	if !a.Everywhere {
		return a.authorized
	}
	allowed := false
	for _, s := range a.policy {
		if !s.about(arn) {
			continue
		}
		if !s.allow {
			return false
		}
		allowed = true
	}
	return allowed
}

// Parse reads an answer.
func Parse(text []byte) (*Answer, error) {
	if len(text) > AnswerBytesMax {
		return nil, fmt.Errorf("the answer has more than %d bytes", AnswerBytesMax)
	}
	fields, err := object(text)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	if err := a.readContext(fields["context"]); err != nil {
		return nil, err
	}
	if id, ok := fields["principalId"]; ok && json.Unmarshal(id, &a.Subject) != nil {
		return nil, errors.New("principalId is not a text")
	}
	simple, isSimple := fields["isAuthorized"]
	policy, isPolicy := fields["policyDocument"]
	switch {
	case isSimple && isPolicy:
		return nil, errors.New("the answer has both isAuthorized and policyDocument")
	case isSimple:
		return a, a.readSimple(simple)
	case isPolicy:
		a.Everywhere = true
		a.policy, err = parsePolicy(policy)
		return a, err
	}
	return nil, errors.New("the answer has neither isAuthorized nor policyDocument")
}

// readSimple wants true or false and nothing that looks like them.
func (a *Answer) readSimple(text json.RawMessage) error {
	switch string(text) {
	case "true":
		a.authorized = true
	case "false":
	default:
		return errors.New("isAuthorized is neither true nor false")
	}
	return nil
}

func (a *Answer) readContext(text json.RawMessage) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	if len(text) > contextMax {
		return fmt.Errorf("the context has more than %d bytes", contextMax)
	}
	if json.Unmarshal(text, &a.Context) != nil {
		return errors.New("the context is not an object")
	}
	if deeper(a.Context, depthMax) {
		return fmt.Errorf("the context is deeper than %d", depthMax)
	}
	return nil
}

// deeper tells whether a value is nested more than so many times.
func deeper(v any, levels int) bool {
	if levels < 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, each := range v {
			if deeper(each, levels-1) {
				return true
			}
		}
	case []any:
		for _, each := range v {
			if deeper(each, levels-1) {
				return true
			}
		}
	}
	return false
}

// object reads the fields of an object, whose names are taken to the letter. A name that is
// there twice is refused: readers do not agree on which one holds.
func object(text []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(text) {
		return nil, errors.New("the answer is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("the answer is not an object")
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		name, _ := token.(string) // names of fields are texts
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("the answer has %.40q twice", name)
		}
		fields[name] = value
	}
	return fields, nil
}

// texts reads a text or a list of texts.
func texts(text json.RawMessage, what string) ([]string, error) {
	var one string
	if json.Unmarshal(text, &one) == nil {
		return []string{one}, nil
	}
	var many []string
	if json.Unmarshal(text, &many) != nil || len(many) == 0 || len(many) > patternsMax {
		return nil, fmt.Errorf("%s is neither a text nor a list of up to %d", what, patternsMax)
	}
	return many, nil
}

// checkPattern bounds what matching costs.
func checkPattern(text string) error {
	if len(text) > patternBytes || strings.Count(text, "*") > starsMax {
		return fmt.Errorf("%.80q has more than %d bytes or %d stars", text, patternBytes, starsMax)
	}
	return nil
}
