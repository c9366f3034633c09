package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

const drawEvery = 200 * time.Millisecond

// What the screen asks of a terminal: no more than any has had since the VT100.
const (
	wrapOff   = "\x1b[?7l" // a narrow terminal cuts lines instead of breaking the picture
	wrapOn    = "\x1b[?7h"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// screen is the view for terminals: a picture of a fixed number of lines that is drawn over itself.
type screen struct {
	out    io.Writer
	style  style
	length time.Duration
	drawn  int // lines of the picture on the screen
	speed  speed
}

func newScreen(out io.Writer, color bool, length time.Duration) *screen {
	return &screen{out: out, style: style{color}, length: length}
}

func (s *screen) alert(alert)     {} // the board has it: the next picture shows it
func (s *screen) ranking(ranking) {}

func (s *screen) start(d *demo) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		for {
			s.draw(s.frame(d))
			select {
			case <-tick.C:
			case <-end:
				s.draw(s.frame(d))
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func (s *screen) frame(d *demo) []string {
	now := time.Now()
	published := d.feeder.published.Load()
	f := frame{
		style:   s.style,
		config:  d.config,
		rate:    d.rate,
		length:  s.length,
		now:     now,
		elapsed: now.Sub(d.feeder.load.Start),
		events:  published,
		speed:   s.speed.update(now, published),
		ending:  d.feeder.ending.Load(),
		status:  statusOf(&d.monitor),
	}
	d.board.show(&f)
	return f.lines()
}

// draw replaces the picture, in one write so that it does not flicker.
func (s *screen) draw(lines []string) {
	var b strings.Builder
	b.WriteString(wrapOff)
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", s.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + clearLine + "\n")
	}
	b.WriteString(clearRest + wrapOn)
	s.drawn = len(lines)
	_, _ = io.WriteString(s.out, b.String()) // the output tells who has to know
}

// style colours text, or does not.
type style struct{ color bool }

func (s style) paint(code, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string { return s.paint("1", text) }
func (s style) dim(text string) string  { return s.paint("2", text) }

// verdict colours a verdict, padded to the width of a column.
func (s style) verdict(word string) string {
	code := "31" // one that should not be here
	switch word {
	case "stable":
		code = "33"
	case "final":
		code = "32"
	}
	return s.paint(code, fmt.Sprintf("%-6s", word))
}
