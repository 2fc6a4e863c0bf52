// SPDX-License-Identifier: Apache-2.0

package term

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Joined makes one text of words.
func Joined(words []string) string { return strings.Join(words, ", ") }

// PrintJSON writes v as one line.
func (s *Session) PrintJSON(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Printf writes to stdout.
func (s *Session) Printf(format string, args ...any) {
	fmt.Fprintf(s.Out, format, args...)
}

// Notef writes to stderr.
func (s *Session) Notef(format string, args ...any) {
	fmt.Fprintf(s.Err, format, args...)
}

// Span prints a duration with three digits and the unit that suits it.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Span(-d)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return Whole(d)
}

// Setting prints a span as settings have it, without zeros: "14d", "1h30m", "250ms".
func Setting(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String())
}

// Whole prints a long duration in its two largest units.
func Whole(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	var parts []string
	for _, u := range units {
		n := d / u.size
		d -= n * u.size
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
		} else if len(parts) > 0 {
			break
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return "0s"
	}
	return strings.Join(parts, " ")
}

// Ago tells how long it is since t.
func (s *Session) Ago(t time.Time) string {
	d := s.Now().Sub(t)
	if d < time.Second {
		return "now"
	}
	if d >= time.Minute {
		d = d.Truncate(time.Minute)
		if d >= 48*time.Hour {
			d = d.Truncate(24 * time.Hour)
		} else if d >= 2*time.Hour {
			d = d.Truncate(time.Hour)
		}
	}
	return Whole(d) + " ago"
}

// Size prints bytes with three digits and a binary unit.
func Size(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	unit := ""
	for _, unit = range units {
		if v /= 1024; v < 1000 {
			break
		}
	}
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// Plural counts things: "1 instance", "2 instances".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
