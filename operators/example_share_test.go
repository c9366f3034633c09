package operators_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The state of a pipeline is asked from outside, here when its worker has ended.
func ExampleShare() {
	ctx := context.Background()
	p := pipeline.New("share")
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "SHARE", Decode: pipeline.Text})
	pages := operators.Distinct("pages", operators.KeyBy(lines, "user", func(s string) string { return token(s, 0) }), func(s string) string { return token(s, 1) })
	pipeline.Write(p, "out", operators.Threshold(pages, crdt.SizeAtLeast[string](100)), &sinks.JSONLines{W: io.Discard, Name: "out"}, pipeline.EncodeText)
	shared := operators.Share(pages)

	runOnServer(p, func(conn *nats.Conn) {
		state, err := query.Open(ctx, p, shared, query.Config{Conn: conn})
		if err != nil {
			fmt.Println(err)
			return
		}
		seen, _ := state.Threshold(ctx, "ann", crdt.Contains("/cart"))
		_, yes := seen.Value()
		fmt.Println(yes, seen.Verdict())
		all, _ := query.Final(ctx, state, "ann", crdt.Snapshot[crdt.GSet[string]]())
		fmt.Println(all.Answer)
	}, "SHARE", "ann /home", "ann /cart", "bob /home")
	// Output:
	// true final
	// ["/cart","/home"] (final: asserted sealed "the input has ended")
}

// runOnServer runs a pipeline on a server of this process until its input, the lines, has ended, and then calls with.
func runOnServer(p *pipeline.Pipeline, with func(conn *nats.Conn), stream string, lines ...string) {
	ctx := context.Background()
	dir, errDir := os.MkdirTemp("", "operators")
	server, errStart := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err := errors.Join(errDir, errStart); err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		server.Close()
		_ = os.RemoveAll(dir)
	}()
	conn, errConn := server.Conn()
	js, errStream := jetstream.New(conn)
	if err := errors.Join(errConn, errStream); err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_, errs := js.CreateStream(ctx, jetstream.StreamConfig{Name: stream})
	for _, line := range lines {
		_, err := js.Publish(ctx, stream, []byte(strings.TrimSpace(line)))
		errs = errors.Join(errs, err)
	}
	end := nats.NewMsg(stream)
	end.Header.Set("Calm-Seal", "end")
	_, errEnd := js.PublishMsg(ctx, end)
	if err := errors.Join(errs, errEnd, p.Run(ctx, pipeline.Config{Conn: conn, Logger: slog.New(slog.DiscardHandler)})); err != nil {
		fmt.Println(err)
		return
	}
	with(conn)
}
