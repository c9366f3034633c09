package emit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// However many have a word, a certificate names a few: those who were the least far; of the others it has the number and a digest.
func TestRegistryIsBounded(t *testing.T) {
	t.Parallel()
	var words []shard.Word
	for i := range 1000 {
		words = append(words, shard.Word{Name: fmt.Sprint("producer ", i), Frontier: int64(1_704_067_200_000_000_000 - i*1_000_000_000)})
	}
	shown, all := emit.RegistryOf(words)
	if len(shown) != emit.MaxRegistry || shown[0].Name != "producer 999" || all == nil || all.Count != 1000 || len(all.Digest) != 16 {
		t.Errorf("%d words, the first %+v, %+v", len(shown), shown[0], all)
	}
	if words[0].Name != "producer 0" {
		t.Error("the registry of the shard was changed")
	}
	c := emit.Certificate{Registry: shown, Registered: all}
	if text := c.String(); !strings.HasSuffix(text, fmt.Sprintf("and 968 more, of 1000 with the digest %s", all.Digest)) {
		t.Error(text)
	}
	words[7].Name = "producer seven"
	if _, other := emit.RegistryOf(words); other.Digest == all.Digest {
		t.Error("another registry has the same digest")
	}
	if shown, all := emit.RegistryOf(words[:emit.MaxRegistry]); len(shown) != emit.MaxRegistry || all != nil || shown[0].Name != "producer 0" {
		t.Errorf("%d words, %+v", len(shown), all)
	}
}
