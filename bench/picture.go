// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// The picture: bars of the medians, dayfly beside floors and peers. Cold starts span
// four powers of ten, so their scale is logarithmic; rates are linear.
const (
	pictureWidth = 900
	labelWidth   = 330
	barHeight    = 16
	barGap       = 6
	headHeight   = 34
	sideMargin   = 90 // for the figure behind the longest bar
)

var colours = map[string]string{groupDayfly: "#2563eb", groupFloor: "#9ca3af", groupPeer: "#f59e0b"}

// panel is one group of bars.
type panel struct {
	title string
	rows  []*row
	value func(*row) float64
	label func(*row) string
	log   bool
}

// draw makes the picture of a report.
func draw(r *report) []byte {
	pick := func(scenario, suffix string) (out []*row) {
		for _, one := range r.Rows {
			if one.Scenario == scenario && bytes.HasSuffix([]byte(one.Subject), []byte(suffix)) {
				out = append(out, one)
			}
		}
		return out
	}
	p50 := func(one *row) float64 { return one.P50 }
	both := func(one *row) string { return span(one.P50) + " / " + span(one.P99) }
	panels := []panel{
		{"Cold start through HTTP: p50 / p99 (logarithmic)", pick("cold", ""), p50, both, true},
		{"Warm calls a second, 64 connections", pick("warm", ", 64 connections"),
			func(one *row) float64 { return one.PerSecond },
			func(one *row) string { return fmt.Sprintf("%.0f/s", one.PerSecond) }, false},
		{"Warm latency, one connection: p50 / p99", pick("warm", ", 1 connections"), p50, both, true},
		{"Burst of 100 callers from zero, handler sleeps 100 ms: p50 / p99", pick("burst", ""), p50, both, false},
		{"Goodput at five times the capacity", pick("overload", ""),
			func(one *row) float64 { return one.Ratio },
			func(one *row) string { return fmt.Sprintf("%.0f %% of peak", 100*one.Ratio) }, false},
		{"Memory", pick("memory", ""),
			func(one *row) float64 { return float64(one.Bytes) },
			func(one *row) string { return fmt.Sprintf("%.1f MiB", float64(one.Bytes)/(1<<20)) }, false},
	}
	var body bytes.Buffer
	y := 0
	for _, p := range panels {
		if len(p.rows) > 0 {
			y = p.draw(&body, y)
		}
	}
	foot := []string{
		fmt.Sprintf("%s, %s cores, kernel %s, Node.js %s, %s, %s", r.Machine["cpu"], r.Machine["cores"],
			r.Machine["kernel"], r.Machine["node"], r.Machine["python"], r.Machine["date"]),
		r.Method,
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" `+
		`font-family="system-ui, sans-serif" font-size="12">`+"\n", pictureWidth, y+54)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	out.Write(body.Bytes())
	for i, line := range foot {
		fmt.Fprintf(&out, `<text x="10" y="%d" fill="#6b7280" font-size="10">%s</text>`+"\n",
			y+26+14*i, html.EscapeString(line))
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// draw adds the panel below y and gives where it ends.
func (p *panel) draw(out *bytes.Buffer, y int) int {
	fmt.Fprintf(out, `<text x="10" y="%d" font-size="14" font-weight="600">%s</text>`+"\n",
		y+24, html.EscapeString(p.title))
	y += headHeight
	low, high := math.Inf(1), 0.0
	for _, one := range p.rows {
		low, high = min(low, p.value(one)), max(high, p.value(one))
	}
	for _, one := range p.rows {
		share := p.value(one) / high
		if p.log {
			share = math.Log(2*p.value(one)/low) / math.Log(2*high/low)
		}
		width := max(1, share*(pictureWidth-labelWidth-sideMargin-40))
		fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="end">%s</text>`,
			labelWidth-8, y+12, html.EscapeString(one.Subject))
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="%.0f" height="%d" fill="%s"/>`,
			labelWidth, y, width, barHeight, colours[one.Group])
		fmt.Fprintf(out, `<text x="%.0f" y="%d">%s</text>`+"\n",
			labelWidth+width+6, y+12, html.EscapeString(p.label(one)))
		y += barHeight + barGap
	}
	return y
}
