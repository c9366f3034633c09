package query_test

import (
	"context"
	"errors"
	"fmt"
	"log"
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

// words is built by the workers, and by who asks.
func words() (*pipeline.Pipeline, operators.Shared[string, crdt.GCounter]) {
	p := pipeline.New("words")
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text})
	byWord := operators.KeyBy(operators.FlatMap(lines, strings.FieldsSeq), "word", strings.ToLower)
	counts := operators.Count("counts", byWord)
	often := operators.Threshold(counts, crdt.AtLeast(100))
	pipeline.Write(p, "often", often, sinks.Subject{Name: "words.often", Stream: "OFTEN"}, pipeline.EncodeText)
	return p, operators.Share(counts)
}

func Example() {
	conn, stop := ran() // a worker has counted "keep calm", "stay calm" and the end of the input, and is gone
	defer stop()

	ctx := context.Background()
	p, counts := words()
	state, err := query.Open(ctx, p, counts, query.Config{Conn: conn})
	if err != nil {
		log.Fatal(err)
	}
	twice, _ := state.Threshold(ctx, "calm", crdt.AtLeast(2))
	often, _ := state.Threshold(ctx, "calm", crdt.AtLeast(100))
	least, _ := query.LowerBound(ctx, state, "calm", crdt.CountOf())
	exact, _ := query.Final(ctx, state, "keep", crdt.Exact(crdt.CountOf()))
	fmt.Println(twice)
	fmt.Println(often)
	fmt.Println(least)
	fmt.Println(exact)
	// Output:
	// true (final: asserted sealed "the input has ended") at lines/0:3
	// unknown at lines/0:3
	// 2 (final: asserted sealed "the input has ended") at lines/0:3
	// 1 (final: asserted sealed "the input has ended") at lines/0:3
}

// ran starts a server in this process, on which the pipeline runs until its input has ended. Programs connect to theirs.
func ran() (conn *nats.Conn, stop func()) {
	ctx := context.Background()
	dir, errDir := os.MkdirTemp("", "query")
	server, errStart := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err := errors.Join(errDir, errStart); err != nil {
		log.Fatal(err)
	}
	conn, errConn := server.Conn()
	js, errStream := jetstream.New(conn)
	if err := errors.Join(errConn, errStream); err != nil {
		log.Fatal(err)
	}
	_, errStream = js.CreateStream(ctx, jetstream.StreamConfig{Name: "LINES"})
	for _, line := range []string{"keep calm", "stay calm"} {
		_, err := js.Publish(ctx, "LINES", []byte(line))
		errStream = errors.Join(errStream, err)
	}
	end := nats.NewMsg("LINES")
	end.Header.Set("Calm-Seal", "end")
	_, errEnd := js.PublishMsg(ctx, end)
	p, _ := words()
	if err := errors.Join(errStream, errEnd, p.Run(ctx, pipeline.Config{Conn: conn, Logger: quiet})); err != nil {
		log.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		server.Close()
		_ = os.RemoveAll(dir)
	}
}
