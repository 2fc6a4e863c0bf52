// SPDX-License-Identifier: Apache-2.0

// Package authorizer speaks with functions that tell who is calling, in the words of AWS's
// Lambda authorizers.
//
//	Call ─▶ Event: payload 2.0 ─▶ function ─▶ Parse ─▶ Answer ─▶ Allows(ARN)
//	                              isAuthorized, context │ principalId, policyDocument, context
//
// It is pure; calling the function, and remembering what it said, is package auth's.
//
// Guarantees: an answer is read exactly. Names of fields are compared to the letter, what has
// both forms or neither is no answer, and of a policy nothing is guessed: a statement with
// parts that are not known here makes the whole policy unusable. What no statement allows is
// denied, and one that denies outdoes all that allow.
package authorizer
