package plain_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/plain"
)

func TestSentence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("store: no room"), "no room"},
		{fmt.Errorf("pipeline p stopped: %w", errors.New("engine: source: the stream is gone")), "pipeline p stopped: the stream is gone"},
		{errors.New("nats: timeout"), "nats: timeout"}, // nobody knows it otherwise
		{errors.New(`the input "feed: me" is a directory`), `the input "feed: me" is a directory`},
		{errors.New("not now (embedded: the server is closed)"), "not now (the server is closed)"},
		{errors.New("restore it, or declare a new Version of the pipeline to begin anew"), "restore it, or take another --run"},
		{errors.Join(errors.New("feed: one"), errors.New("feed: two"), errors.New("three\n")), "one (and 2 more like it)"},
		{errors.New("\n"), "it failed, and no reason was given"},
	} {
		if got := plain.Sentence(c.err, "take another --run"); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.err, got, c.want)
		}
	}
}
