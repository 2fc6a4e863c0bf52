// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"strconv"

	"github.com/dayfly-faas/dayfly"
)

// exitFunctionFailed is told when everything worked but the function's own code.
const exitFunctionFailed = 7

// exitCodes is the one table from error kinds to exit codes.
var exitCodes = map[dayfly.Kind]int{
	dayfly.KindInternal:        1,
	dayfly.KindInvalid:         2,
	dayfly.KindNotFound:        3,
	dayfly.KindConflict:        4,
	dayfly.KindExhausted:       5,
	dayfly.KindUnavailable:     5,
	dayfly.KindUnauthenticated: 6,
	dayfly.KindDenied:          6,
	dayfly.KindTimeout:         8,
	dayfly.KindCanceled:        130, // as a shell tells of Ctrl-C
}

// exitStatus ends this program as another did, which has said all there is to say.
type exitStatus int

// Error names the status.
func (s exitStatus) Error() string { return "exit status " + strconv.Itoa(int(s)) }

func exitCode(err error) int {
	var failure *dayfly.Failure
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &failure):
		return exitFunctionFailed
	}
	if code, ok := exitCodes[dayfly.KindOf(err)]; ok {
		return code
	}
	return 1
}
