// SPDX-License-Identifier: Apache-2.0

package blob

// StopAt has f called at each fault point of s. Call it before Open.
func (s *Store) StopAt(f func(step string)) { s.fault = f }

// InlineBytesMax is the largest object without a file.
const InlineBytesMax = inlineBytesMax
