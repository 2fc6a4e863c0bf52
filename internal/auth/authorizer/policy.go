// SPDX-License-Identifier: Apache-2.0

package authorizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// invokeAction is the one action that a request is.
const invokeAction = "execute-api:invoke"

// statement is one of a policy that is about invoking.
type statement struct {
	allow     bool
	resources []string
}

func (s statement) about(arn string) bool {
	for _, pattern := range s.resources {
		if matches(pattern, arn) {
			return true
		}
	}
	return false
}

// parsePolicy reads an IAM policy document. Statements of other actions are left out.
func parsePolicy(text json.RawMessage) ([]statement, error) {
	fields, err := object(text)
	if err != nil {
		return nil, fmt.Errorf("policyDocument: %w", err)
	}
	for name := range fields {
		if name != "Version" && name != "Id" && name != "Statement" {
			return nil, fmt.Errorf("policyDocument has %.40q, which is not known here", name)
		}
	}
	list := []json.RawMessage{fields["Statement"]}
	var many []json.RawMessage
	if json.Unmarshal(fields["Statement"], &many) == nil {
		list = many
	}
	if len(list) > statementsMax {
		return nil, fmt.Errorf("policyDocument has more than %d statements", statementsMax)
	}
	var policy []statement
	for _, each := range list {
		s, ours, err := parseStatement(each)
		if err != nil {
			return nil, err
		}
		if ours {
			policy = append(policy, s)
		}
	}
	return policy, nil
}

// parseStatement reads a statement and tells whether it is about invoking.
func parseStatement(text json.RawMessage) (s statement, ours bool, err error) {
	fields, err := object(text)
	if err != nil {
		return s, false, fmt.Errorf("a statement: %w", err)
	}
	for name := range fields {
		switch name {
		case "Sid", "Effect", "Action", "Resource":
		default:
			// A condition that is not looked at could open what it was to close.
			return s, false, fmt.Errorf("a statement has %.40q, which is not known here", name)
		}
	}
	switch string(fields["Effect"]) {
	case `"Allow"`:
		s.allow = true
	case `"Deny"`:
	default:
		return s, false, fmt.Errorf("the effect of a statement is neither Allow nor Deny")
	}
	actions, err := texts(fields["Action"], "the action of a statement")
	if err != nil {
		return s, false, err
	}
	for _, action := range actions {
		if err := checkPattern(action); err != nil {
			return s, false, err
		}
		ours = ours || matches(strings.ToLower(action), invokeAction)
	}
	s.resources, err = texts(fields["Resource"], "the resource of a statement")
	if err != nil {
		return s, false, err
	}
	for _, resource := range s.resources {
		if err := checkPattern(resource); err != nil {
			return s, false, err
		}
	}
	return s, ours, nil
}

// matches tells whether a pattern of IAM is that of a text: * stands for any characters,
// slashes too, and ? for one.
func matches(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
