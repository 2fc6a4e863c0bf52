// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Keys of the records (docs/formats/catalog.md).
const (
	functionKeys = "function" // function/PROJECT/NAME
	revisionKeys = "revision" // revision/PROJECT/NAME/NUMBER
)

// functionRecord is what the store holds of a function. It is never deleted: one
// that was removed keeps Next, so that its numbers are not used again.
type functionRecord struct {
	dayfly.Function
	Next    int  `json:"next"` // the number of the next revision, at least
	Removed bool `json:"removed,omitempty"`
}

func functionKey(ref dayfly.FunctionRef) string {
	return functionKeys + "/" + string(ref.Project) + "/" + string(ref.Name)
}

func revisionKey(ref dayfly.FunctionRef, number int) string {
	return revisionKeys + "/" + string(ref.Project) + "/" + string(ref.Name) + "/" +
		strconv.Itoa(number)
}

// address is a key taken apart; number is 0 for a function.
type address struct {
	ref    dayfly.FunctionRef
	number int
}

func parseKey(key string) (address, error) {
	parts := strings.Split(key, "/")
	number := 0
	switch {
	case len(parts) == 3 && parts[0] == functionKeys:
	case len(parts) == 4 && parts[0] == revisionKeys:
		n, err := strconv.Atoi(parts[3])
		if err != nil || n < 1 {
			return address{}, fmt.Errorf("parse catalog key %q: bad revision number", key)
		}
		number = n
	default:
		return address{}, fmt.Errorf("parse catalog key %q: neither a function nor a revision", key)
	}
	return address{
		ref: dayfly.FunctionRef{
			Project: dayfly.ProjectName(parts[1]), Name: dayfly.FunctionName(parts[2]),
		},
		number: number,
	}, nil
}

// list adds a number to the record's revisions, which stay ascending.
func (r *functionRecord) list(number int) {
	if i, found := slices.BinarySearch(r.Revisions, number); !found {
		r.Revisions = slices.Insert(r.Revisions, i, number)
	}
	r.Next = max(r.Next, number+1)
	r.Removed = false
}

// unlist takes numbers from the record's revisions. Without any, the function is removed.
func (r *functionRecord) unlist(numbers ...int) {
	r.Revisions = slices.DeleteFunc(r.Revisions, func(n int) bool {
		return slices.Contains(numbers, n)
	})
	if slices.Contains(numbers, r.Previous) {
		r.Previous = 0
	}
	if len(r.Revisions) == 0 {
		*r = functionRecord{
			Function: dayfly.Function{FunctionRef: r.FunctionRef}, Next: r.Next, Removed: true,
		}
	}
}

func (r *functionRecord) has(number int) bool {
	_, found := slices.BinarySearch(r.Revisions, number)
	return found
}

func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode catalog record: %w", err)
	}
	return data, nil
}
