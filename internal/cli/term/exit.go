// SPDX-License-Identifier: Apache-2.0

package term

import (
	"errors"
	"strconv"

	"github.com/dayfly-faas/dayfly"
)

// ExitFunctionFailed is told when everything worked but the function's own code.
const ExitFunctionFailed = 7

// ExitCodes is the one table from error kinds to exit codes.
var ExitCodes = map[dayfly.Kind]int{
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

// ExitStatus ends this program as another did, which has said all there is to say.
type ExitStatus int

// Error names the status.
func (s ExitStatus) Error() string { return "exit status " + strconv.Itoa(int(s)) }

// ExitCode gives the code with which the program ends after err.
func ExitCode(err error) int {
	var failure *dayfly.Failure
	var status ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &failure):
		return ExitFunctionFailed
	}
	if code, ok := ExitCodes[dayfly.KindOf(err)]; ok {
		return code
	}
	return 1
}
