package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestCountsAreThoseOfTheShell(t *testing.T) {
	t.Parallel()
	text := goSource(t, true, scaled(6))
	want := coreutils(t, text)
	for _, shards := range []string{"1", "3"} {
		t.Run("shards="+shards, func(t *testing.T) {
			t.Parallel()
			same(t, count(t, nil, "--input", file(t, text), "--shards", shards), want)
		})
	}
}

func TestCountsOfUnicodeAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	// What is not UTF-8 separates words, and a chunk of input must not end within a word or a character.
	text := goSource(t, false, scaled(3)) + "a\xffb \xe4\xb8 " + strings.Repeat("Straße", 20000) + " ΣΊΣΥΦΟΣ"
	want := modelled(text)
	for _, shards := range []string{"1", "3"} {
		t.Run("shards="+shards, func(t *testing.T) {
			t.Parallel()
			same(t, count(t, nil, "--input", file(t, text), "--shards", shards), want)
		})
	}
}

func TestJSONSaysWhatACountIsWorth(t *testing.T) {
	t.Parallel()
	text := goSource(t, false, scaled(1))
	type line struct {
		Key, Verdict, Window string
		Value                int
	}
	counts := make(map[string]int)
	output := count(t, nil, "--input", file(t, text), "--output", "json")
	for text := range strings.Lines(output) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if l.Verdict != "final" || l.Window != "global" || counts[l.Key] != 0 {
			t.Fatalf("want one final count of the word, of all time: %s", text)
		}
		counts[l.Key] = l.Value
	}
	same(t, rendered(counts), modelled(text))
}

func TestStandardInputAndFilesAreOneInput(t *testing.T) {
	t.Parallel()
	const first, second, third = "The end of one file ", "is the end of a word, even without a sep", "arator"
	// The end of an input is the end of a word.
	want := modelled(first + "\n" + second + "\n" + third)
	got := count(t, strings.NewReader(second), "--input", file(t, first), "--input", "-", "--input", file(t, third), "--shards", "2")
	same(t, got, want)
}

func TestNoWordsAreNoLines(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "no words": " \n-- ... \xff\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := count(t, nil, "--input", file(t, text)); got != "" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestLongWords(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10 // of package feed
	var text strings.Builder
	for i, word := range []string{
		strings.Repeat("x", limit), strings.Repeat("Y", limit-1), strings.Repeat("É", limit/2), strings.Repeat("x", 1000),
		strings.Repeat("Ⱥ", limit/2), // has three bytes in lower case, and two in upper case
	} {
		text.WriteString(strings.Repeat(word+" and ", i+1))
	}
	for _, shards := range []string{"1", "3"} {
		t.Run("shards="+shards, func(t *testing.T) {
			t.Parallel()
			same(t, count(t, nil, "--input", file(t, text.String()), "--shards", shards), modelled(text.String()))
		})
	}
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		refused(t, nil, []string{"--input", file(t, strings.Repeat("x", limit+1))}, "a word of more than 262144 bytes", "byte offset 0")
	})
}

func TestRunsOfOneStoreAreApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		text := fmt.Sprintf("run number %d", i)
		for range 2 { // the second time it is only read
			same(t, count(t, nil, "--input", file(t, text), "--store", dir, "--run", fmt.Sprint("r", i)), modelled(text))
		}
	}
}
