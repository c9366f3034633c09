package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
)

// view shows results. alert and ranking are called one at a time, in the order in which the results came.
type view interface {
	alert(a alert)
	ranking(r ranking)
	// start begins to show the demo; stop returns when nothing more will be shown.
	start(d *demo) (stop func())
}

// newView redraws a picture on a terminal that can, and prints lines elsewhere.
func newView(stdout io.Writer, out *output, length time.Duration) view {
	file, ok := stdout.(*os.File)
	if ok && os.Getenv("TERM") != "dumb" {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return newScreen(out, os.Getenv("NO_COLOR") == "", length)
		}
	}
	return lines{out}
}

// output is standard output. Once it cannot be written it stays silent, and says so to failed, once.
type output struct {
	to     io.Writer
	failed func(error)
	broken bool
}

func (o *output) Write(p []byte) (int, error) {
	if o.broken {
		return len(p), nil
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.broken = true
		o.failed(fmt.Errorf("the output cannot be written: %w", err))
	}
	return n, err
}

// printf writes text. What to do about an error is decided in Write.
func (o *output) printf(format string, args ...any) { _, _ = fmt.Fprintf(o, format, args...) }

// lines is the view for files and pipes: a line for each result.
type lines struct{ out *output }

func (l lines) alert(a alert) {
	l.out.printf("alert   %-6s  %s  %s reached %s clicks, %s\n", a.verdict, a.window, a.Campaign, number(a.AtLeast), remaining(a.window, a.stored))
}

func (l lines) ranking(r ranking) {
	l.out.printf("sealed  %-6s  %s  %s\n", r.verdict, r.window, rankingText(r.top))
}

func (l lines) start(*demo) (stop func()) { return func() {} }

// remaining says when something was stored, seen from the end of its window.
func remaining(w span, now time.Time) string {
	if left := w.end.Sub(now); left > 0 {
		return seconds(left) + " before window end"
	}
	return "after window end, before the seal"
}

func rankingText(top []adclicks.Ranked) string {
	parts := make([]string, len(top))
	for i, r := range top {
		parts[i] = r.Key + " " + number(r.Score)
	}
	return strings.Join(parts, ", ")
}

// seconds renders a duration as 1.23 s.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// number renders a count with a comma for each thousand.
func number[N ~int | ~int64 | ~uint64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural renders a count with its noun.
func plural[N ~int | ~int64 | ~uint64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}
