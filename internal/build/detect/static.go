// SPDX-License-Identifier: Apache-2.0

package detect

// static looks for a site without code.
func (s *source) static() []candidate { return nil }
