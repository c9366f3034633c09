package feed

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/words"
)

const (
	// chunkTarget is where a chunk may end at the earliest, in bytes, unless the input ends before.
	chunkTarget = 64 << 10
	// wordLimit is the longest run of word characters, in bytes.
	wordLimit = 256 << 10
	// readSize is what is asked of a reader at once.
	readSize = 64 << 10
)

// cutter cuts one input into chunks. Where it cuts depends on the bytes alone, not on how a reader hands them out.
type cutter struct {
	name   string
	from   io.Reader
	buf    []byte // what was read and is not cut off yet, behind the last chunk
	cut    int    // length of the last chunk, which is still at the front of buf
	offset int64  // of buf in the input
	end    bool   // the reader has no more
}

func newCutter(name string, from io.Reader) *cutter {
	return &cutter{name: name, from: from}
}

// next returns the next chunk, valid until the next call, or io.EOF behind the last.
func (c *cutter) next() ([]byte, error) {
	c.buf = append(c.buf[:0], c.buf[c.cut:]...)
	c.offset += int64(c.cut)
	c.cut = 0
	if err := c.fill(chunkTarget); err != nil {
		return nil, err
	}
	if len(c.buf) == 0 {
		return nil, io.EOF
	}
	if len(c.buf) < chunkTarget {
		c.cut = len(c.buf)
		return c.buf, nil
	}
	cut, err := c.seek()
	if err != nil {
		return nil, err
	}
	c.cut = cut
	return c.buf[:cut], nil
}

// seek finds the end of the first character that is not of a word and ends at or after chunkTarget. A word
// that is too long always lies across chunkTarget, because a chunk begins outside of words.
func (c *cutter) seek() (int, error) {
	// Bytes up to a complete character beyond the target tell which characters lie on it.
	if err := c.fill(chunkTarget + utf8.UTFMax); err != nil {
		return 0, err
	}
	at := runeStart(c.buf, chunkTarget-1)
	first := wordStart(c.buf, at)
	for {
		if err := c.fill(at + utf8.UTFMax); err != nil {
			return 0, err
		}
		if at == len(c.buf) {
			return at, nil
		}
		r, size := utf8.DecodeRune(c.buf[at:])
		if !words.IsWordRune(r) {
			return at + size, nil
		}
		at += size
		if at-first > wordLimit {
			return 0, &LongWordError{Input: c.name, Offset: c.offset + int64(first), Limit: wordLimit}
		}
	}
}

// fill reads until there are at least n bytes or no more.
func (c *cutter) fill(n int) error {
	for empty := 0; len(c.buf) < n && !c.end; {
		if cap(c.buf)-len(c.buf) < readSize {
			c.buf = append(make([]byte, 0, cap(c.buf)+2*readSize), c.buf...)
		}
		got, err := c.from.Read(c.buf[len(c.buf) : len(c.buf)+readSize])
		c.buf = c.buf[:len(c.buf)+got]
		switch {
		case errors.Is(err, io.EOF):
			c.end = true
		case err != nil:
			return fmt.Errorf("feed: reading input %q at byte offset %d: %w", c.name, c.offset+int64(len(c.buf)), err)
		case got > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return fmt.Errorf("feed: reading input %q at byte offset %d: %w", c.name, c.offset+int64(len(c.buf)), io.ErrNoProgress)
			}
		}
	}
	return nil
}

// runeStart returns where the character begins that the byte at i belongs to. It needs no scan from the front:
// the first byte of a character can never be inside another one.
func runeStart(text []byte, i int) int {
	for start := i; start > i-utf8.UTFMax && start >= 0; start-- {
		if utf8.RuneStart(text[start]) {
			if _, size := utf8.DecodeRune(text[start:]); start+size > i {
				return start
			}
			break
		}
	}
	return i
}

// wordStart returns where the run of word characters begins that ends at i; i itself if there is none.
func wordStart(text []byte, i int) int {
	for i > 0 {
		r, size := utf8.DecodeLastRune(text[:i])
		if !words.IsWordRune(r) {
			break
		}
		i -= size
	}
	return i
}
