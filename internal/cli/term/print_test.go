// SPDX-License-Identifier: Apache-2.0

package term

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 µs", 812 * time.Microsecond: "812 µs", 1430 * time.Microsecond: "1.43 ms",
		14340 * time.Microsecond: "14.3 ms", 143 * time.Millisecond: "143 ms",
		1430 * time.Millisecond: "1.43 s", 14300 * time.Millisecond: "14.3 s",
		123 * time.Second: "2m 3s", 2 * time.Hour: "2h", 49*time.Hour + time.Minute: "2d 1h",
		24*time.Hour + time.Second: "1d", -time.Millisecond: "-1.00 ms",
	} {
		if got := Span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", int64(d), got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 12_345: "12.1 KiB", 1 << 20: "1.00 MiB",
		87 << 20: "87.0 MiB", 256 << 20: "256 MiB", 1000 << 20: "0.98 GiB", 5 << 40: "5.00 TiB",
		5 << 50: "5120 TiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	s := &Session{Now: func() time.Time { return now }}
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 10 * time.Millisecond: "now", 5 * time.Second: "5s ago",
		95 * time.Second: "1m ago", 90 * time.Minute: "1h 30m ago", 5*time.Hour + time.Minute: "5h ago",
		47 * time.Hour: "1d 23h ago", 100 * time.Hour: "4d ago",
	} {
		if got := s.Ago(now.Add(-d)); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to float64
		want     string
	}{
		{0, 1, "████"}, {0, 0.5, "██"}, {0.5, 1, "  ██"}, {0, 0.03, "▏"}, {1, 1, "   █"},
		{0.25, 0.375, " ▌"}, {0, 2, "████"},
	} {
		if got := Bar(tt.from, tt.to, 4); got != tt.want {
			t.Errorf("bar(%v, %v) = %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestTableAlignsColoursAndNumbers(t *testing.T) {
	t.Parallel()
	s := Style{colour: true}
	table := NewTable("NAME", ">N", "X")
	table.Add(s.Bold("a"), "1", "")
	table.Add("löng", "100", "y")
	var b strings.Builder
	table.Write(&b, Style{})
	want := "NAME    N  X\n\x1b[1ma\x1b[0m       1\nlöng  100  y\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestColourIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	none := func(string) string { return "" }
	if s := styleFor(&b, none); s.colour || s.Terminal {
		t.Errorf("a buffer is taken for a terminal: %+v", s)
	}
	if got := (Style{}).Red("a"); got != "a" {
		t.Errorf("without colour: %q", got)
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"short": "short", "exactly": "exactly",
		"löngerer text": "lönger…", "": ""} {
		if got := (Style{columns: 8}).Fit(text); got != want {
			t.Errorf("fit(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSettingsReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 250 * time.Millisecond: "250ms", 90 * time.Second: "1m30s", 10 * time.Minute: "10m",
		6 * time.Hour: "6h", time.Hour + 30*time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s",
		24 * time.Hour: "1d", 336 * time.Hour: "14d", 25 * time.Hour: "25h", 30 * time.Second: "30s",
	} {
		if got := Setting(d); got != want {
			t.Errorf("setting(%v) = %q, want %q", d, got, want)
		}
	}
}
