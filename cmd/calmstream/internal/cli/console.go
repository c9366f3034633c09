package cli

import (
	"io"
	"sync"
)

// clearLine goes to the beginning of the line of a terminal and erases it.
const clearLine = "\r\x1b[K"

// console is standard error: lines that stay and, on a terminal, one at the bottom that changes. It may be used
// by any number of goroutines.
type console struct {
	live bool

	mu     sync.Mutex
	out    io.Writer
	status string
}

func newConsole(std streams) *console { return &console{out: std.err, live: std.live} }

// Write writes whole lines above the line that changes. Standard error that is gone is no reason to stop.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != "" {
		_, _ = io.WriteString(c.out, clearLine)
	}
	_, _ = c.out.Write(p)
	if c.status != "" {
		_, _ = io.WriteString(c.out, c.status)
	}
	return len(p), nil
}

// show replaces the line that changes; an empty one removes it.
func (c *console) show(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live || status == c.status {
		return
	}
	c.status = status
	_, _ = io.WriteString(c.out, clearLine+status)
}
