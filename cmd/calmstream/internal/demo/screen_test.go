package demo_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"pgregory.net/rapid"
)

var escape = regexp.MustCompile("\x1b\\[[0-9?;]*[A-Za-z]")

// Whatever is shown, a picture has the same number of lines, fits a terminal of 80 by 24, and has colours only if asked for.
func TestPicturesFit(t *testing.T) {
	t.Parallel()
	names, _ := adclicks.Campaigns()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
		o := demo.Observed{Config: adclicks.Config{Window: 2 * time.Second, AlertAt: rapid.Uint64Range(1, 75_000).Draw(t, "at")}, More: rapid.IntRange(0, 90_000).Draw(t, "more")}
		for i := range rapid.IntRange(0, 7).Draw(t, "alerts") {
			o.Alerts = append(o.Alerts, demo.Seen[adclicks.Alert]{
				Start: now.Add(-time.Duration(i) * time.Second).UnixNano(), Verdict: "stable",
				Value: adclicks.Alert{Campaign: rapid.SampledFrom(names).Draw(t, "campaign")},
			})
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "rankings") {
			r := demo.Seen[[]adclicks.Ranked]{Start: now.Add(-time.Duration(i) * 2 * time.Second).UnixNano(), Verdict: "final"}
			for range rapid.IntRange(0, adclicks.TopK).Draw(t, "entries") {
				r.Value = append(r.Value, adclicks.Ranked{Key: rapid.SampledFrom(names).Draw(t, "key"), Score: rapid.Uint64Range(0, 500).Draw(t, "score")})
			}
			o.Rankings = append(o.Rankings, r)
		}
		color := rapid.Bool().Draw(t, "color")
		picture := o.Picture(color, now, rapid.Uint64Range(0, 9_999_999).Draw(t, "counter"), rapid.Bool().Draw(t, "ending"))
		if len(picture) != 22 {
			t.Fatalf("%d lines:\n%s", len(picture), strings.Join(picture, "\n"))
		}
		for _, line := range picture {
			bare := escape.ReplaceAllString(line, "")
			if n := utf8.RuneCountInString(bare); n > 79 {
				t.Fatalf("a line of %d characters: %q", n, bare)
			}
			if !color && bare != line {
				t.Fatalf("an escape sequence without colours: %q", line)
			}
			if strings.ContainsAny(bare, "\n\r\x1b") {
				t.Fatalf("a control character is left: %q", bare)
			}
		}
	})
}

func TestPictureShowsVerdicts(t *testing.T) {
	t.Parallel()
	o := observed(t)
	now := time.Unix(0, o.Alerts[1].Start).Add(500 * time.Millisecond)
	text := strings.Join(o.Picture(false, now, 8000, false), "\n")
	for _, want := range []string{
		"alerts at 75 clicks", "stable", "1.00 s before its window was final", "known now; its window is open for another 1.5 s",
		"final", "█", "Ctrl-C ends and checks", "events 8,000", fmt.Sprintf("alerts %d  rankings %d", len(o.Alerts), len(o.Rankings)), "open windows 12",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture does not say %q:\n%s", want, text)
		}
	}
	if colored := strings.Join(o.Picture(true, now, 8000, false), "\n"); escape.ReplaceAllString(colored, "") != text {
		t.Error("colours change more than the colour")
	}
	if ending := strings.Join(o.Picture(false, now, 8000, true), "\n"); !strings.Contains(ending, "the input has ended") {
		t.Errorf("the picture does not say that the input has ended:\n%s", ending)
	}
	if empty := strings.Join(demo.Observed{Config: o.Config}.Picture(false, now, 0, false), "\n"); !strings.Contains(empty, "no window has been sealed yet") {
		t.Errorf("the picture of nothing:\n%s", empty)
	}
	early := demo.Observed{Config: o.Config, Alerts: o.Alerts[:1]} // an alert comes before any window is sealed, and is no result of one
	if text := strings.Join(early.Picture(false, now, 8000, false), "\n"); !strings.Contains(text, "no window has been sealed yet") || !strings.Contains(text, "alerts 1  rankings 0") {
		t.Errorf("the picture of an alert and nothing else:\n%s", text)
	}
}

// A terminal that understands only what the screen uses shows the last picture, below what stood there before.
func TestDrawReplacesThePicture(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[a-z ]{0,20}`)
		first := rapid.SliceOfN(line, 1, 6).Draw(t, "first")
		second := rapid.SliceOfN(line, 1, 6).Draw(t, "second")
		var out bytes.Buffer
		out.WriteString("before\n")
		demo.Draw(&out, first, second)
		got := terminal(out.String())
		want := append(append([]string{"before"}, second...), "")
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("the terminal shows %q, want %q", got, want)
		}
	})
}

// terminal returns the lines that a terminal shows after the output.
func terminal(output string) []string {
	lines, row, col := []string{""}, 0, 0
	for output != "" {
		if at := escape.FindStringIndex(output); at != nil && at[0] == 0 {
			code := output[2 : at[1]-1]
			switch output[at[1]-1] {
			case 'A':
				n, _ := strconv.Atoi(code)
				row = max(0, row-n)
			case 'K':
				lines[row] = lines[row][:min(col, len(lines[row]))]
			case 'J':
				lines[row] = lines[row][:min(col, len(lines[row]))]
				lines = lines[:row+1]
			}
			output = output[at[1]:]
			continue
		}
		switch c := output[0]; c {
		case '\n':
			row, col = row+1, 0
			if row == len(lines) {
				lines = append(lines, "")
			}
		case '\r':
			col = 0
		default:
			if col < len(lines[row]) {
				lines[row] = lines[row][:col] + string(c) + lines[row][col+1:]
			} else {
				lines[row] += string(c)
			}
			col++
		}
		output = output[1:]
	}
	return lines
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := demo.Number(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestParseSpan(t *testing.T) {
	t.Parallel()
	start, end, err := demo.ParseSpan("2026-03-14T12:00:00Z/2026-03-14T12:00:02.5Z")
	if err != nil || end.Sub(start) != 2500*time.Millisecond || start.Hour() != 12 {
		t.Errorf("%v, %v, %v", start, end, err)
	}
	for _, bad := range []string{"", "global", "/", "2026-03-14T12:00:00Z", "2026-03-14T12:00:00Z/", "a/b"} {
		if _, _, err := demo.ParseSpan(bad); err == nil {
			t.Errorf("%q is taken for a window", bad)
		}
	}
}

// A file is no terminal: it gets lines, and never an escape sequence.
func TestFilesGetLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var stderr bytes.Buffer
	if code := demo.Command(t.Context(), []string{"--for", "300ms"}, file, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "sealed  final ") || strings.Contains(string(text), "\x1b") {
		t.Errorf("the file holds %q", text)
	}
}
