package main_test

import (
	"io"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
)

func TestAServerThatRestarts(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	first, second := goSource(t, true, 700_000), goSource(t, false, 700_000)
	p, stdin := openEnded(t, srv, first)
	srv.Restart(t)
	if _, err := io.WriteString(stdin, second); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		t.Fatalf("it ended with %d: %s", code, p.stderr.String())
	}
	same(t, p.stdout.String(), modelled(first+second))
}
