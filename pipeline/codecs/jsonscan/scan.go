package jsonscan

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep values may lie in each other, as in encoding/json.
const maxDepth = 10_000

var errSyntax = errors.New("not JSON")

// fail says where the text is no JSON.
func fail(at int, what string) error { return fmt.Errorf("%w: byte %d: %s", errSyntax, at, what) }

// blank returns the place of the first byte from i on that is no white space.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// text scans a string whose first quote is at i, and returns the place behind its last one.
func text(b []byte, i int) (end int, escaped bool, err error) {
	if i >= len(b) || b[i] != '"' {
		return 0, false, fail(i, "a text should begin here")
	}
	wide := byte(0) // has its highest bit once a byte had
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			if wide >= utf8.RuneSelf && !utf8.Valid(b[i+1:j]) {
				return 0, false, fail(i, "a text is no UTF-8")
			}
			return j + 1, escaped, nil
		case c == '\\':
			escaped = true
			n, err := escape(b, j)
			if err != nil {
				return 0, false, err
			}
			j += n
		case c < ' ':
			return 0, false, fail(j, "a control character in a text")
		default:
			wide |= c
		}
	}
	return 0, false, fail(len(b), "a text does not end")
}

// escape returns how many bytes follow the backslash at i.
func escape(b []byte, i int) (n int, err error) {
	if i+1 >= len(b) {
		return 0, fail(i, "a text does not end")
	}
	if b[i+1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), b[i+1]) < 0 {
			return 0, fail(i, "no such escape")
		}
		return 1, nil
	}
	if i+6 > len(b) {
		return 0, fail(i, "a text does not end")
	}
	for _, c := range b[i+2 : i+6] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0, fail(i, "no such escape")
		}
	}
	return 5, nil
}

// digits returns the place behind the digits from i on; there must be one.
func digits(b []byte, i int) (end int, err error) {
	end = i
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	if end == i {
		return 0, fail(i, "a digit should be here")
	}
	return end, nil
}

// numeral scans a number from i on.
func numeral(b []byte, i int) (end int, err error) {
	begin := i
	if b[i] == '-' {
		i++
		begin++
	}
	if i, err = digits(b, i); err != nil {
		return 0, err
	}
	if b[begin] == '0' && i > begin+1 {
		return 0, fail(begin, "a number begins with 0")
	}
	if i < len(b) && b[i] == '.' {
		if i, err = digits(b, i+1); err != nil {
			return 0, err
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i, err = digits(b, i); err != nil {
			return 0, err
		}
	}
	return i, nil
}

// value scans any value from i on, where no white space is, and returns the place behind it.
func value(b []byte, i, depth int) (end int, escaped bool, err error) {
	if i >= len(b) {
		return 0, false, fail(i, "a value should be here")
	}
	switch c := b[i]; c {
	case '"':
		return text(b, i)
	case '{', '[':
		end, err = composite(b, i, depth)
	case 't':
		end, err = word(b, i, "true")
	case 'f':
		end, err = word(b, i, "false")
	case 'n':
		end, err = word(b, i, "null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return 0, false, fail(i, "a value should be here")
		}
		end, err = numeral(b, i)
	}
	return end, false, err
}

// word scans a word.
func word(b []byte, i int, w string) (end int, err error) {
	if !bytes.HasPrefix(b[i:], []byte(w)) {
		return 0, fail(i, "a value should be here")
	}
	return i + len(w), nil
}

// composite scans an array or an object, without looking at what is in it.
func composite(b []byte, i, depth int) (end int, err error) {
	if depth == maxDepth {
		return 0, fail(i, "values lie too deep in each other")
	}
	if b[i] == '{' {
		return members(b, i, depth+1, nil)
	}
	if i = blank(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		if i, _, err = value(b, i, depth+1); err != nil {
			return 0, err
		}
		if i = blank(b, i); i >= len(b) {
			return 0, fail(i, "an array does not end")
		}
		switch b[i] {
		case ']':
			return i + 1, nil
		case ',':
			i = blank(b, i+1)
		default:
			return 0, fail(i, "a comma should be here")
		}
	}
}

// members scans an object whose brace is at i, and hands each member to take, if that is not nil.
func members(b []byte, i, depth int, take func(name []byte, nameEscaped bool, v Value) error) (end int, err error) {
	if i = blank(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		nameEnd, nameEscaped, err := text(b, i)
		if err != nil {
			return 0, err
		}
		colon := blank(b, nameEnd)
		if colon >= len(b) || b[colon] != ':' {
			return 0, fail(colon, "a colon should be here")
		}
		begin := blank(b, colon+1)
		valueEnd, escaped, err := value(b, begin, depth)
		if err != nil {
			return 0, err
		}
		if take != nil {
			if err := take(b[i:nameEnd], nameEscaped, Value{b[begin:valueEnd], escaped}); err != nil {
				return 0, err
			}
		}
		if i = blank(b, valueEnd); i >= len(b) {
			return 0, fail(i, "an object does not end")
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = blank(b, i+1)
		default:
			return 0, fail(i, "a comma should be here")
		}
	}
}
