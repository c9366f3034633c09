package words_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/words"
	"pgregory.net/rapid"
)

// naive is the definition, as short as it can be written.
func naive(text string) []string {
	separates := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	found := strings.FieldsFunc(text, separates)
	for i, word := range found {
		found[i] = strings.Map(unicode.ToLower, word)
	}
	return found
}

// texts are made of pieces that are likely to go wrong next to each other.
var texts = rapid.Custom(func(t *rapid.T) string {
	piece := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9 ]{1,12}`),
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 4), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{
			"İ", "ı", "ß", "ẞ", "Σ", "ς", "Ⱥ", "K", "DŽ", "Dž", "Åé", "é", "٣", "½", "_", "'", "\xff", "\xe2\x82", "\xed\xa0\x80",
			"\uFFFD", "中文", "𐐀", "ÀÉ", "\x00", "\n", strings.Repeat("Aé", 3000),
		}),
	)
	return strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
})

func TestAllAgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		if got, want := slices.Collect(words.All(text)), naive(text); !slices.Equal(got, want) {
			t.Fatalf("All(%q)\n got %q\nwant %q", text, got, want)
		}
	})
}

// A text may be cut after any character that is not of a word: the words stay the same.
func TestCutsBetweenWordsDoNotShow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		var cuts []int
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRuneInString(text[i:])
			i += size
			if !words.IsWordRune(r) {
				cuts = append(cuts, i)
			}
		}
		if len(cuts) == 0 {
			return
		}
		cut := rapid.SampledFrom(cuts).Draw(t, "cut")
		got := slices.AppendSeq(slices.Collect(words.All(text[:cut])), words.All(text[cut:]))
		if want := slices.Collect(words.All(text)); !slices.Equal(got, want) {
			t.Fatalf("cut at %d of %q: got %q, want %q", cut, text, got, want)
		}
	})
}

// Words stay what they were when later words fill and leave the memory that they share.
func TestWordsOutliveTheScan(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Alpha BETA gAmma Ärger ", 2000)
	var kept []string
	words.Split(text, func(word string) { kept = append(kept, word) })
	if want := naive(text); !slices.Equal(kept, want) {
		t.Fatalf("got %d words, want %d, or their text differs", len(kept), len(want))
	}
}

func TestAllStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	var seen []string
	for word := range words.All("one two three") {
		seen = append(seen, word)
		if len(seen) == 2 {
			break
		}
	}
	if !slices.Equal(seen, []string{"one", "two"}) {
		t.Fatalf("got %q", seen)
	}
}

func TestWordsAreExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" \t\n", nil},
		{"Don't stop, Zürich 2024!", []string{"don", "t", "stop", "zürich", "2024"}},
		{"snake_case CamelCase", []string{"snake", "case", "camelcase"}},
		{"e\u0301te", []string{"e", "te"}},
		{"a\xffb", []string{"a", "b"}},
		{"\xe2\x82", nil},
		{"٣ ½ Ⅷ", []string{"٣"}},
		{"İSTANBUL", []string{"istanbul"}},
	} {
		if got := slices.Collect(words.All(c.text)); !slices.Equal(got, c.want) {
			t.Errorf("All(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestLowerCaseTextIsNotCopied(t *testing.T) {
	lower := strings.Repeat("already in lower case, with ünïcödé and 123; ", 100)
	sink := 0
	scan := func(text string) float64 {
		return testing.AllocsPerRun(10, func() {
			words.Split(text, func(word string) { sink += len(word) })
		})
	}
	if got := scan(lower); got != 0 {
		t.Errorf("%v allocations for text in lower case, want 0", got)
	}
	upper := strings.ToUpper(lower)
	if got, most := scan(upper), float64(len(upper)/1024); got > most {
		t.Errorf("%v allocations for %d bytes in upper case, want at most %v", got, len(upper), most)
	}
	if sink == 0 {
		t.Fatal("no words were found")
	}
}

func FuzzAll(f *testing.F) {
	f.Add("Hello, wörld_2 \xff\xe2\x82 İ")
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := slices.Collect(words.All(text)), naive(text); !slices.Equal(got, want) {
			t.Fatalf("All(%q) = %q, want %q", text, got, want)
		}
	})
}

func BenchmarkAll(b *testing.B) {
	prose := "It was the best of times, it was the worst of times, it was the age of wisdom. "
	for _, c := range []struct{ name, text string }{
		{"prose", strings.Repeat(prose, 800)},
		{"lower", strings.Repeat(strings.ToLower(prose), 800)},
		{"upper", strings.Repeat(strings.ToUpper(prose), 800)},
		{"umlauts", strings.Repeat("Übung macht den Meister, schöne Grüße aus Köln. ", 1200)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			sink := 0
			for b.Loop() {
				for word := range words.All(c.text) {
					sink += len(word)
				}
			}
		})
	}
}
