// SPDX-License-Identifier: Apache-2.0

package quantity

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// ParseBytes reads a size: a number and a unit, such as "256Mi", "1.5Gi" or "512MB".
// Ki, Mi, Gi and Ti are powers of 1024, K, M, G and T of 1000; B is one byte.
func ParseBytes(s string) (int64, error) {
	number, unit := splitUnit(s)
	factors := map[string]float64{
		"b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
		"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
	}
	unit = strings.ToLower(unit)
	if len(unit) > 1 {
		unit = strings.TrimSuffix(unit, "b")
	}
	if unit == "" && number != "" {
		return 0, dayfly.Errorf(dayfly.KindInvalid,
			"%q has no unit: write %sMi for mebibytes, %sB for bytes",
			s, number, number)
	}
	factor, known := factors[unit]
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || value < 0 || value*factor > math.MaxInt64/2 {
		return 0, dayfly.Errorf(dayfly.KindInvalid,
			"%.40q is not a size: write it like 256Mi or 1Gi", s)
	}
	return int64(math.Round(value * factor)), nil
}

// ParseCPU reads a share of processors in thousandths: "0.5", "500m" or "2".
func ParseCPU(s string) (int64, error) {
	number, unit := splitUnit(s)
	value, err := strconv.ParseFloat(number, 64)
	factor := 1000.0
	if unit == "m" {
		factor = 1
	}
	if err != nil || unit != "" && unit != "m" || value < 0 || value > 1e9 {
		return 0, dayfly.Errorf(dayfly.KindInvalid,
			"%.40q is not a share of processors: write it like 0.5 or 500m", s)
	}
	return int64(math.Round(value * factor)), nil
}

// ParseDuration reads a span: "500ms", "30s", "1h30m" or "2d".
func ParseDuration(s string) (time.Duration, error) {
	if number, unit := splitUnit(s); unit == "d" {
		days, err := strconv.ParseFloat(number, 64)
		if err == nil && days >= 0 && days < 36500 {
			return time.Duration(days * float64(24*time.Hour)), nil
		}
	}
	span, err := time.ParseDuration(s)
	if err == nil && span >= 0 {
		return span, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "%q has no unit: write %ss for seconds", s, s)
	}
	return 0, dayfly.Errorf(dayfly.KindInvalid,
		"%.40q is not a span of time: write it like 30s or 1h", s)
}

// splitUnit parts the number at the start of s from what follows.
func splitUnit(s string) (number, unit string) {
	i := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// Span is a span of time in a document, written like "30s".
type Span time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := ParseDuration(string(text))
	*s = Span(d)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes s as it is read.
func (s Span) String() string { return time.Duration(s).String() }

// Bytes is a size in a document, written like "1Mi".
type Bytes int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := ParseBytes(string(text))
	*b = Bytes(n)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String writes b as it is read, and loses nothing.
func (b Bytes) String() string {
	for _, unit := range []struct {
		name  string
		bytes Bytes
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
		if b >= unit.bytes && b%unit.bytes == 0 {
			return strconv.FormatInt(int64(b/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}
