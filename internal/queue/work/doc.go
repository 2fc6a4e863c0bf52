// SPDX-License-Identifier: Apache-2.0

// Package work is the form in which events are kept until they are executed: what one
// holds, the bytes that it becomes, and the subjects on which those stand.
//
//	Entry ─▶ version · length · head (JSON) · body     one message of the bus
//	Lane  ─▶ work.PROJECT.FUNCTION.LANE                in order, until executed
//	         later.PROJECT.FUNCTION.LANE.ID            until its time has come
//	         dead.PROJECT.FUNCTION.ID                  given up
//
// The format is that of docs/formats/work.md. It is pure: nothing here reads or writes.
//
// Guarantees:
//   - What Marshal gave, Unmarshal reads, also of an older version of this program;
//     bytes that are no entry are an error, never a panic.
//   - A history travels with its event and is bounded: the newest 32 attempts.
//   - No name can step out of its token of a subject.
package work
