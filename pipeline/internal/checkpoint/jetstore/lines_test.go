package jetstore_test

import (
	"bufio"
	"io"
	"strings"
)

// lines reads the text protocol of NATS line by line.
type lines struct{ in *bufio.Scanner }

func newLines(r io.Reader) lines { return lines{bufio.NewScanner(r)} }

// next returns the words of the next line that is not empty.
func (l lines) next() ([]string, bool) {
	for l.in.Scan() {
		if words := strings.Fields(l.in.Text()); len(words) > 0 {
			return words, true
		}
	}
	return nil, false
}

// skip passes over n lines.
func (l lines) skip(n int) bool {
	for range n {
		if !l.in.Scan() {
			return false
		}
	}
	return true
}
