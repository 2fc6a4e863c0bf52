// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/dayfly-faas/dayfly"
)

// partial is an answer that says which messages of a batch must come again.
type partial struct {
	Failures []struct {
		Item *string `json:"itemIdentifier"`
	} `json:"batchItemFailures"`
}

// Failures gives the indexes of the messages that a function which took a batch did not
// do, in order: none, some or all. The caller has seen to it that the call as such did
// not fail; a status of 400 and above fails all.
//
// Any answer whose body is a JSON object with a list batchItemFailures names them, by
// their itemIdentifier: the message's identity, or the id of its CloudEvent. As on AWS,
// an empty or missing list means that all are done, and one that names something that
// was not in the batch, or nothing, fails all. An error says why such a list could not
// be taken; all have failed then, too.
func Failures(
	_ *dayfly.Revision, items []Item, status int, _ http.Header, body []byte,
) (failed []int, err error) {
	if status >= http.StatusBadRequest {
		return every(items), nil
	}
	if !bytes.Contains(body, []byte(`"batchItemFailures"`)) {
		return nil, nil
	}
	var answer partial
	if err := json.Unmarshal(body, &answer); err != nil {
		return every(items), bad("the answer's batchItemFailures cannot be read: %w", err)
	}
	marked := make([]bool, len(items))
	for _, failure := range answer.Failures {
		if failure.Item == nil || *failure.Item == "" {
			return every(items), bad("the answer's batchItemFailures has an entry without itemIdentifier")
		}
		if !mark(marked, items, *failure.Item) {
			return every(items), bad(
				"the answer's batchItemFailures names %.80q, which is not in the batch", *failure.Item)
		}
	}
	for i, is := range marked {
		if is {
			failed = append(failed, i)
		}
	}
	return failed, nil
}

func mark(marked []bool, items []Item, name string) bool {
	for i := range items {
		if string(items[i].ID) == name {
			marked[i] = true
			return true
		}
	}
	found := false
	for i := range items {
		if items[i].Event.ID == name {
			marked[i], found = true, true
		}
	}
	return found
}

func every(items []Item) []int {
	all := make([]int, len(items))
	for i := range all {
		all[i] = i
	}
	return all
}
