// SPDX-License-Identifier: Apache-2.0

package quantity_test

import (
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func TestSizesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"256Mi": 256 << 20, "1Gi": 1 << 30, "1.5Gi": 3 << 29, "0.5Ki": 512, "10B": 10, "1k": 1000,
		"512MB": 512e6, "512mb": 512e6, "1GiB": 1 << 30, "2 Gi": 2 << 30, "1T": 1e12,
	} {
		if got, err := quantity.ParseBytes(text); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "256", "-1Mi", "Mi", "1Pi", "1e9Gi", "1.2.3Mi", "99999999Ti", "١Mi"} {
		if got, err := quantity.ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func TestSharesOfProcessorsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0.5": 500, "500m": 500, "2": 2000, "1.25": 1250, "0.1": 100} {
		if got, err := quantity.ParseCPU(text); err != nil || got != want {
			t.Errorf("ParseCPU(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "1x", "1e12", "NaN"} {
		if got, err := quantity.ParseCPU(text); err == nil {
			t.Errorf("ParseCPU(%q) = %d, want an error", text, got)
		}
	}
}

func TestSpansAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond,
		"2d": 48 * time.Hour, "0.5d": 12 * time.Hour,
	} {
		if got, err := quantity.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "30", "-1s", "soon", "1y", "99999d"} {
		if got, err := quantity.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func TestQuantitiesOfDocumentsAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1Mi": "1Mi", "1536Ki": "1536Ki", "1.5Mi": "1536Ki", "7B": "7B", "1k": "1000B"} {
		var b quantity.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b.String() != want {
			t.Errorf("%s is written %s, %v; want %s", text, b, err, want)
		}
	}
	var s quantity.Span
	if err := s.UnmarshalText([]byte("2d")); err != nil || s.String() != "48h0m0s" {
		t.Errorf("2d is written %s, %v", s, err)
	}
	if err := s.UnmarshalText([]byte("2")); err == nil {
		t.Error("2 was read as a span")
	}
}
