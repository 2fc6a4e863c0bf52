// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// memoryTight is the share of the memory limit from which on a call was close to it.
const memoryTight = 0.9

// advise says what somebody could do about a call: nothing about one that was well.
func advise(r *dayfly.Record) []string {
	advice := []string{}
	say := func(format string, args ...any) { advice = append(advice, fmt.Sprintf(format, args...)) }
	limit := dayfly.FormatBytes(r.MemoryLimitBytes)
	if r.Failure != nil {
		switch r.Failure.Kind {
		case dayfly.FailureMemory:
			say("give it more memory than %s: dayfly deploy --memory, or memory: in dayfly.yaml", limit)
		case dayfly.FailureTimeout:
			say("give it more time: dayfly deploy --timeout, or timeout: in dayfly.yaml")
		case dayfly.FailureInit:
			say("the code did not start: see what it printed with dayfly logs %s, and go back with "+
				"dayfly rollback %s if an earlier revision worked", r.Function, r.Function)
		case dayfly.FailureTooLarge:
			say("allow larger answers: response_limit in dayfly.yaml")
		case dayfly.FailureExit:
			say("its process ended by itself: look for exit calls and crashes in dayfly logs %s",
				r.Function)
		}
	}
	if r.Failure == nil && r.MemoryLimitBytes > 0 &&
		float64(r.MemoryPeakBytes) > memoryTight*float64(r.MemoryLimitBytes) {
		say("it nearly filled its memory limit of %s: raise it before it fails", limit)
	}
	switch r.Kind {
	case dayfly.KindExhausted:
		say("more instances (--max), more calls in each (--concurrency) or more memory for the node " +
			"(dayfly up --memory) would have let it in")
	case dayfly.KindInternal:
		say("the log of the node tells more: this is a fault of Dayfly, please report it")
	}
	if wait := phase(r, "wait"); r.Cold == dayfly.ColdWaited && wait*4 > r.Duration {
		say("a quarter of its time or more was waiting: allow more instances (--max) or more calls " +
			"in each (--concurrency), or keep some ready (--min)")
	}
	if r.Cold == dayfly.ColdBoot && r.Fault == dayfly.FaultNone {
		say("no booted sandbox was ready: raise dayfly up --stems, or keep instances with --min 1")
	}
	return advice
}

func phase(r *dayfly.Record, name string) (sum time.Duration) {
	for _, p := range r.Phases {
		if p.Name == name {
			sum += p.Duration
		}
	}
	return sum
}
