//go:build unix

package main

import (
	"html"
	"strings"
)

// plot draws the rates of a workload: a bar to the median, and a line from the least to the most.
func (t *table) plot() string {
	const left, width, line, top = 230, 520, 26, 34
	colours := map[kind]string{floorKind: "#9aa5b1", oursKind: "#2f6fb3", peerKind: "#c98b2b"}
	most := 0.0
	for _, r := range t.Rows {
		most = max(most, t.rate(r.Name).most())
	}
	x := func(v float64) float64 { return left + v/most*width }
	var b strings.Builder
	height := top + line*len(t.Rows) + 12
	say(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", left+width+110, height)
	say(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n"+`<text x="8" y="20" font-weight="bold">%s: records per second</text>`+"\n", html.EscapeString(t.Name))
	for i, r := range t.Rows {
		s := t.rate(r.Name)
		y := top + line*i
		say(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+15, html.EscapeString(r.Name))
		say(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y+3, x(s.median())-left, line-8, colours[r.Kind])
		say(&b, `<path d="M%.1f %d H%.1f" stroke="#222"/>`+"\n", x(s.least()), y+line/2-1, x(s.most()))
		say(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", x(s.most())+6, y+15, number(s.median()))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
