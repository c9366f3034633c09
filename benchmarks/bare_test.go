package benchmarks_test

import (
	"testing"

	"github.com/calmstream/calmstream/benchmarks/internal/floor"
	"github.com/nats-io/nats.go"
)

// bareRead is the floor: the least that a Go program can do to see every message of a stream in order. It looks at the subject only.
func bareRead(b *testing.B, nc *nats.Conn, stream string, messages int) {
	b.Helper()
	bytes := 0
	if err := floor.Pull(b.Context(), nc, stream, messages, func(m *nats.Msg) { bytes += len(m.Subject) }); err != nil {
		b.Fatal(err)
	}
	if bytes == 0 {
		b.Fatal("nothing was read")
	}
}
