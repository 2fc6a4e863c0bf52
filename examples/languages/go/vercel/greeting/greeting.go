// SPDX-License-Identifier: Apache-2.0

// Package greeting says what to say.
package greeting

// For greets somebody.
func For(name string) string { return "hi " + name }
