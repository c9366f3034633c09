// Package words says what a word is, for the word count that calmstream ships with.
//
// A word is a maximal run of Unicode letters and digits, in lower case. Everything else separates
// words: spaces, punctuation, underscores, apostrophes, combining marks, and bytes that are not UTF-8.
//
//	for word := range words.All("Don't stop, Zürich 2024!") {
//		fmt.Println(word) // don, t, stop, zürich, 2024
//	}
//
// On ASCII text this is exactly what the shell makes of it:
//
//	tr -cs 'A-Za-z0-9' '\n' | tr A-Z a-z
//
// Lower case is unicode.ToLower of each rune on its own. It depends on no language and no neighbour, so that a
// word is the same wherever a text is cut. Composed and decomposed letters are not unified: "é" written as
// e and a combining accent is the word "e".
package words

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// arenaSize is the number of bytes that are allocated at once for words that change in lower case.
const arenaSize = 4 << 10

// ascii maps an ASCII letter or digit to its lower case, and every other ASCII character to 0.
var ascii = func() (table [utf8.RuneSelf]byte) {
	for c := range table {
		if r := rune(c); IsWordRune(r) {
			table[c] = byte(unicode.ToLower(r))
		}
	}
	return table
}()

// IsWordRune says whether r belongs to words. utf8.RuneError, which stands for a byte that is not UTF-8, does not.
func IsWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// All yields the words of text in order, in lower case.
//
// It takes one pass and looks at no byte behind the last word that was asked for. A word that is in lower case
// already is a part of text and costs no allocation; the others share allocations of a few KiB. Use strings.Clone
// to keep a few words for longer than the text they come from.
func All(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var arena strings.Builder
		for at := 0; ; {
			start, end, lower := next(text, at)
			if start == end {
				return
			}
			word := text[start:end]
			if !lower {
				word = toLower(&arena, word)
			}
			if !yield(word) {
				return
			}
			at = end
		}
	}
}

// Split calls each with the words of text in order, as All yields them.
func Split(text string, each func(word string)) {
	for word := range All(text) {
		each(word)
	}
}

// next finds the first word at or after at; lower says that it is in lower case already. Without
// another word, start and end are the same.
func next(text string, at int) (start, end int, lower bool) {
	for at < len(text) {
		if c := text[at]; c < utf8.RuneSelf {
			if ascii[c] != 0 {
				break
			}
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if IsWordRune(r) {
			break
		}
		at += size
	}
	start, lower = at, true
	for at < len(text) {
		if c := text[at]; c < utf8.RuneSelf {
			l := ascii[c]
			if l == 0 {
				break
			}
			lower = lower && l == c
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if !IsWordRune(r) {
			break
		}
		lower = lower && unicode.ToLower(r) == r
		at += size
	}
	return start, at, lower
}

// toLower returns word in lower case, as a part of what arena holds. A builder that is full is left to the
// words that point into it, and another is begun.
func toLower(arena *strings.Builder, word string) string {
	most := utf8.UTFMax * len(word) // a rune may need more bytes in lower case than it had
	if arena.Cap()-arena.Len() < most {
		*arena = strings.Builder{}
		arena.Grow(max(most, arenaSize))
	}
	start := arena.Len()
	for i := 0; i < len(word); {
		if c := word[i]; c < utf8.RuneSelf {
			arena.WriteByte(ascii[c])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(word[i:])
		arena.WriteRune(unicode.ToLower(r))
		i += size
	}
	return arena.String()[start:]
}
