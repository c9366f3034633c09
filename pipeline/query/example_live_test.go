package query_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A worker that runs answers at once, about what no checkpoint has yet, and says when something comes true.
func Example_workers() {
	conn, stop := runs() // a worker that runs
	defer stop()

	ctx := context.Background()
	p, counts := words()
	state, err := query.Open(ctx, p, counts, query.Config{Conn: conn, Ask: query.WorkersFirst})
	if err != nil {
		log.Fatal(err)
	}
	publish(conn, "keep calm")
	publish(conn, "stay calm")
	twice, err := state.Await(ctx, "calm", crdt.AtLeast(2))
	if err != nil {
		log.Fatal(err)
	}
	exact, _ := query.Final(ctx, state, "calm", crdt.Exact(crdt.CountOf()))
	fmt.Println(twice, "says", twice.Origin)
	fmt.Println(exact, "says", exact.Origin)
	// Output:
	// true (stable) at lines/0:2 says worker one
	// unknown at lines/0:2 says worker one
}

func publish(conn *nats.Conn, line string) {
	if err := conn.Publish("LINES", []byte(line)); err != nil {
		log.Fatal(err)
	}
}

// runs starts a server in this process, and a worker that answers questions.
func runs() (conn *nats.Conn, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
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
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LINES"}); err != nil {
		log.Fatal(err)
	}
	p, _ := words()
	monitor, ended := new(pipeline.Monitor), make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: conn, Worker: "one", Queries: true, Logger: quiet, Monitor: monitor})
	}()
	for ticker := time.Tick(time.Millisecond); !monitor.Running(); {
		select {
		case err := <-ended:
			log.Fatal(err)
		case <-ticker:
		}
	}
	return conn, func() {
		cancel()
		if err := <-ended; err != nil {
			log.Fatal(err)
		}
		conn.Close()
		server.Close()
		_ = os.RemoveAll(dir)
	}
}
