package shard_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// The small state where results leave with checkpoints, with 5 of 9 gone, does not change; one of before that is read as one from which
// nothing has left; and one of each kind is read by a pipeline that has, or has not, an outbox any more.
func TestOutboxInCheckpoints(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return meta
	}
	v2, v3 := read("meta_v2.hex"), read("meta_v3.hex")
	fresh := append([]byte{3, v2[1], 0, 0}, v2[2:]...)
	for _, c := range []struct {
		name       string
		box        bool
		meta, want []byte
	}{
		{"before outboxes, without one", false, v2, v2},
		{"before outboxes, with one", true, v2, fresh},
		{"with one", true, v3, v3},
		{"nothing has left", true, fresh, fresh},
		{"it has none any more", false, v3, v3},
		{"it has none any more and nothing is left", false, fresh, v2},
	} {
		env := newWorld(t).owner("one")
		env.MarkDistance = 4
		if c.box {
			env.Outbox = new(box)
		}
		m, err := shard.NewMachine(env)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RestoreMeta(c.meta); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := m.Meta(); !bytes.Equal(got, c.want) {
			t.Errorf("%s: it is %x, want %x", c.name, got, c.want)
		}
		for i := range c.meta {
			if err := m.RestoreMeta(c.meta[:i]); err == nil {
				t.Errorf("%s: %x was restored", c.name, c.meta[:i])
			}
		}
	}
	m, err := shard.NewMachine(newWorld(t).owner("one"))
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{append([]byte{4}, v2[1:]...), append([]byte{3, v2[1], 6, 5}, v2[2:]...)} {
		if err := m.RestoreMeta(damaged); err == nil {
			t.Errorf("%x was restored", damaged)
		}
	}
}
