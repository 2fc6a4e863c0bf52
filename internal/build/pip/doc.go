// SPDX-License-Identifier: Apache-2.0

// Package pip finds what can be called in Python, and what is installed for it.
//
//	modules, files of platforms ─▶ Candidates
//	Plan of one ── Finish ──▶ requirements, or the lock file of uv, Poetry, PDM, Pipenv
//
// A module is judged by its text: functions by their parameters, applications by the names
// they are made with. What a lock file pins is handed to pip with its hashes.
package pip
