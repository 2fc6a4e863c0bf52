// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
)

// methods are how placements are called in reports.
var methods = map[place.Method]string{place.MethodHome: "home", place.MethodBounded: "bounded",
	place.MethodPopular: "popular", place.MethodIdle: "idle", place.MethodTwo: "two"}

// MethodOf gives the placement of a name.
func MethodOf(name string) (place.Method, bool) {
	for m, n := range methods {
		if n == name {
			return m, true
		}
	}
	return 0, false
}

// WriteTable writes results, the memory of each beside that of the first.
func WriteTable(to io.Writer, results []*Result) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "policy\tplacement\tcold\tcold, seldom\ttogether\tcold ms a call\tcold time\t"+
		"idle GiB\tidle GiB, seldom\tmemory\tmemory, seldom\tGiB s\tahead\tevicted\tload peak\tspread\t")
	for _, r := range results {
		first := results[0]
		fmt.Fprintf(w, "%s\t%s\t%.4f %%\t%.3f %%\t%.3f %%\t%.3f\t%s\t%.1f\t%.1f\t%.3f\t%.3f\t%d\t%d\t%d\t%.2f\t%.2f\t\n",
			r.Policy, methods[r.Placement], 100*r.ColdShare(), 100*r.SeldomShare(), 100*r.TogetherShare(),
			float64(r.ColdTime.Microseconds())/1000/float64(max(r.Calls, 1)), r.ColdTime.Round(time.Second),
			r.IdleGiB(), r.SeldomIdleGiB(), r.IdleGiB()/first.IdleGiB(), r.SeldomIdleGiB()/first.SeldomIdleGiB(),
			r.Memory/1024/1000, r.Ahead, r.Evicted, r.LoadPeak, r.LoadSpread)
	}
	return w.Flush()
}

// TogetherShare is the share of the calls to functions that are not busy that were
// cold since other calls were under way.
func (r *Result) TogetherShare() float64 { return ratio(r.Together, r.Calls-r.BusyCalls) }

// The picture: bars of cold calls and of memory, one row for each result.
const (
	pictureWidth = 900
	labelWidth   = 260
	barWidth     = 260
	rowHeight    = 26
	headHeight   = 64
)

// Picture draws results as SVG: what is cold, and what that takes.
func Picture(title string, results []*Result) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" `+
		`font-family="system-ui, sans-serif" font-size="12">`+"\n",
		pictureWidth, headHeight+rowHeight*len(results)+16)
	out.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(&out, `<text x="10" y="22" font-size="14" font-weight="600">%s</text>`+"\n",
		html.EscapeString(title))
	second := labelWidth + barWidth + 80
	fmt.Fprintf(&out, `<text x="%d" y="48">cold calls of seldom functions</text>`, labelWidth)
	fmt.Fprintf(&out, `<text x="%d" y="48">their idle memory, GiB</text>`+"\n", second)
	cold, memory := 0.0, 0.0
	for _, r := range results {
		cold, memory = max(cold, r.SeldomShare()), max(memory, r.SeldomIdleGiB())
	}
	for i, r := range results {
		y := headHeight + rowHeight*i
		label := r.Policy + ", " + methods[r.Placement]
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-8, y+12,
			html.EscapeString(label))
		bar(&out, labelWidth, y, r.SeldomShare()/max(cold, 1e-12), "#2563eb",
			fmt.Sprintf("%.2f %%", 100*r.SeldomShare()))
		bar(&out, second, y, r.SeldomIdleGiB()/max(memory, 1e-12), "#f59e0b",
			fmt.Sprintf("%.1f", r.SeldomIdleGiB()))
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func bar(out *bytes.Buffer, x, y int, share float64, colour, label string) {
	width := max(1, int(share*barWidth))
	fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="16" fill="%s"/>`, x, y, width, colour)
	fmt.Fprintf(out, `<text x="%d" y="%d">%s</text>`+"\n", x+width+6, y+12, label)
}
