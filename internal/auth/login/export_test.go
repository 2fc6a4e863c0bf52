// SPDX-License-Identifier: Apache-2.0

package login

// LocalReturn is localReturn, for the fuzzer.
func (l *Login) LocalReturn(text string) string { return l.localReturn(text) }
