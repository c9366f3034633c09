package feed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
)

// modelCut cuts by the definition: it walks over the whole text, character by character. badWord is the
// offset of a word that is too long, or -1; the chunks are those before it.
func modelCut(text []byte) (chunks [][]byte, badWord int) {
	start, word := 0, -1
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if word < 0 {
				word = at
			}
			at += size
			if at-word > feed.WordLimit {
				return chunks, word
			}
			continue
		}
		word = -1
		at += size
		if at-start >= feed.ChunkTarget {
			chunks = append(chunks, text[start:at])
			start = at
		}
	}
	if start < len(text) {
		chunks = append(chunks, text[start:])
	}
	return chunks, -1
}

// stored is one message as it is in the stream.
type stored struct {
	Subject string
	Digest  string
	Seal    string
	Count   string
	Data    []byte
}

// model is the stream that a feed of the texts must make.
func model(subject string, shards int, texts ...string) []stored {
	var messages []stored
	last := sha256.Sum256([]byte(fmt.Sprintf("calmstream feed 1 %d", shards)))
	link := func(parts ...[]byte) string {
		last = sha256.Sum256(append(last[:], bytes.Join(parts, nil)...))
		return hex.EncodeToString(last[:])
	}
	eight := func(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	counts := make([]int, shards)
	for _, text := range texts {
		chunks, _ := modelCut([]byte(text))
		for _, chunk := range chunks {
			p := len(messages) % shards
			counts[p]++
			digest := link([]byte("c"), eight(len(chunk)), chunk)
			messages = append(messages, stored{Subject: fmt.Sprintf("%s.%d", subject, p), Digest: digest, Data: chunk})
		}
	}
	for p, count := range counts {
		messages = append(messages, stored{
			Subject: fmt.Sprintf("%s.%d", subject, p), Digest: link([]byte("e"), eight(p), eight(count)),
			Seal: "end", Count: fmt.Sprint(count),
		})
	}
	return messages
}

// prose makes about size bytes of text that depends on seed.
func prose(seed uint64, size int) string {
	random := rand.New(rand.NewPCG(seed, 0))
	var text strings.Builder
	for text.Len() < size {
		for range 1 + random.IntN(9) {
			text.WriteRune([]rune("abcdefghijklmnopqrstuvwxyzABCÄÖÜßé0123中")[random.IntN(39)])
		}
		text.WriteString([]string{" ", ", ", ".\n", "_", "\xff", "—"}[random.IntN(6)])
	}
	return text.String()
}

// texts are inputs that hold the given texts.
func texts(all ...string) []feed.Input {
	var inputs []feed.Input
	for i, text := range all {
		inputs = append(inputs, input(fmt.Sprintf("text%d", i), func() io.Reader { return strings.NewReader(text) }))
	}
	return inputs
}

// input is an input that open makes the reader of.
func input(name string, open func() io.Reader) feed.Input {
	return feed.Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(open()), nil }}
}
