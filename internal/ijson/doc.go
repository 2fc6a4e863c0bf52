// SPDX-License-Identifier: Apache-2.0

// Package ijson reads JSON of strangers so that every other program reads the same.
//
//	bytes ─▶ Decode ─▶ nil, bool, string, int64, json.Number, []any, map[string]any
//
// It takes I-JSON (RFC 7493): a name that is there twice, half a surrogate pair, text that is
// not UTF-8 and a number that few programs can hold are refused. What is checked before a
// function reads it would else not be what the function reads.
//
// Guarantees: depth, values, digits and exponents are bounded, so that neither the stack nor
// exact arithmetic can be exhausted; memory is within a factor of thirty of the text's size.
package ijson
