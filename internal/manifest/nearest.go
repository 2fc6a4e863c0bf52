// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strings"
)

// suggestion says which known word a given one may stand for, or what is known.
func suggestion(given string, known []string) string {
	if near := nearest(given, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(known, ", ")
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// nearest gives the known word that the fewest typing errors part from given, when
// they are few enough to be typing errors at all.
func nearest(given string, known []string) string {
	given = strings.ToLower(strings.ReplaceAll(clip(given), "-", "_"))
	best, least := "", 1+len(given)/3
	for _, word := range known {
		distance := editDistance(given, word)
		if strings.HasPrefix(word, given) || strings.HasPrefix(given, word) && len(word) > 2 {
			distance = min(distance, 1)
		}
		if distance <= least && (best == "" || distance < least) {
			best, least = word, distance
		}
	}
	return best
}

// editDistance counts the insertions, removals, replacements and swaps of neighbours
// between a and b (optimal string alignment).
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
