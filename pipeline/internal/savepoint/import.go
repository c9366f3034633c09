package savepoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// Options say how a savepoint is imported.
type Options struct {
	// Rebase accepts input streams that are copies of those that the pipeline has read: of another creation time, but with the
	// same messages at the same sequences and times.
	Rebase bool
	// Replicas is for the bucket and the exchange that are made.
	Replicas int
	Logger   *slog.Logger
}

// importer reads one savepoint. Until its last step nobody can see what it has stored.
type importer struct {
	Options
	js      jetstream.JetStream
	conn    *nats.Conn
	store   *jetstore.Store
	in      *Reader
	sum     Summary
	next    map[segment]int // the number of the next chunk
	fences  map[checkpoint.ShardID]checkpoint.Fence
	records []Record
	held    *Range
	// made says that the stream of the exchange is ours, and filled that it has messages that must go; last is its last sequence.
	made, filled bool
	last         uint64
	locked       bool
}

// undoTime bounds how long is spent on removing what an import that failed has stored.
const undoTime = 30 * time.Second

// maxGap bounds how many sequences in a row are filled in the exchange: it is a queue of seconds, and more is a file that is not ours.
const maxGap = 10_000_000

// ErrTaken is returned if the pipeline has begun there already.
var ErrTaken = jetstore.ErrTaken

type segment struct {
	id   checkpoint.ShardID
	name string
}

// Import reads a savepoint and stores it on a server on which the pipeline has not run in that epoch. Fences and run records are stored in
// one atomic step, the last one: if it fails before, what it has stored is removed.
func Import(ctx context.Context, conn *nats.Conn, from io.Reader, opts Options) (Summary, error) {
	i := &importer{Options: opts, conn: conn, next: make(map[segment]int), fences: make(map[checkpoint.ShardID]checkpoint.Fence)}
	err := i.run(ctx, from)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if err != nil {
		i.undo(ctx)
	}
	if i.locked {
		err = errors.Join(err, i.store.Unlock(ctx))
	}
	if err != nil {
		return Summary{}, err
	}
	return i.sum, nil
}

func (i *importer) run(ctx context.Context, from io.Reader) (err error) {
	if i.js, err = jetstream.New(i.conn); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if i.in, err = NewReader(from); err != nil {
		return err
	}
	part, err := i.in.Next()
	if err != nil {
		return err
	}
	header, _ := part.(Header) // the reader lets nothing else be the first
	if err := i.open(ctx, header); err != nil {
		return err
	}
	for {
		part, err := i.in.Next()
		if err != nil {
			return err
		}
		if _, end := part.(End); end {
			return i.finish(ctx)
		}
		if err := i.take(ctx, part); err != nil {
			return err
		}
	}
}

// open makes sure that the pipeline has not begun there.
func (i *importer) open(ctx context.Context, h Header) (err error) {
	i.sum.Pipeline, i.sum.Epoch = h.Pipeline, h.Epoch
	i.store, err = jetstore.Open(ctx, jetstore.Config{Conn: i.conn, Pipeline: h.Pipeline, Epoch: h.Epoch, Replicas: i.Replicas, Logger: i.Logger})
	if err != nil {
		return err
	}
	if err := i.store.Free(ctx); err != nil {
		return err
	}
	err = i.store.Lock(ctx)
	i.locked = err == nil
	return err
}

func (i *importer) take(ctx context.Context, part Part) error {
	switch p := part.(type) {
	case Chunk:
		s := segment{p.ID, p.Segment}
		if p.Number > 0 && p.Number != i.next[s] {
			return fmt.Errorf("savepoint: chunk %d of segment %s of %v stands where chunk %d should", p.Number, p.Segment, p.ID, i.next[s])
		}
		if err := i.store.PutChunk(ctx, p.ID, p.Segment, p.Number, p.Data); err != nil {
			return err
		}
		i.next[s] = p.Number + 1
	case Message:
		return i.put(ctx, p)
	case Range:
		i.held = &p
		return i.pad(ctx, p.First, p.First-1)
	case Record:
		i.records = append(i.records, p)
	case Fence:
		i.fences[p.ID] = p.Fence
	}
	return nil
}

// finish makes the checkpoints those of this server.
func (i *importer) finish(ctx context.Context) error {
	start, err := startOf(i.records)
	if err != nil {
		return err
	}
	created, err := i.moveExchange(ctx)
	if err != nil {
		return err
	}
	for stage, log := range start.Logs {
		if exchanged(start, i.sum.Pipeline, stage) {
			if i.held == nil {
				return fmt.Errorf("savepoint: stage %s reads the exchange, and the file has none", stage)
			}
			log.Created = created
		} else if log.Created, err = i.checkInput(ctx, stage, log); err != nil {
			return err
		}
		start.Logs[stage] = log
	}
	for id, fence := range i.fences {
		if err := i.complete(ctx, id, fence); err != nil {
			return err
		}
		fence.Position.Incarnation = start.Logs[id.Stage].Created
		if exchanged(start, i.sum.Pipeline, id.Stage) {
			fence.Position.LastTime = 0 // the records were stored again, at another time
		}
		i.fences[id] = fence
	}
	records := make(map[string][]byte)
	for _, r := range i.records {
		records[r.Key] = r.Value
	}
	if records[engine.StartKey], err = json.Marshal(start); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if err := i.store.Establish(ctx, records, i.fences); errors.Is(err, ErrTaken) {
		return err
	} else if err != nil {
		i.keep()
		return fmt.Errorf("savepoint: it is not known whether the last step was done; if it was not, the pipeline begins anew when it is started: %w", err)
	}
	i.sum.Shards, i.sum.Bytes = len(i.fences), i.in.at
	i.keep()
	return nil
}

// keep makes undo keep everything.
func (i *importer) keep() { i.made, i.next = false, nil }

// complete reads the segments of a checkpoint back, from where its owner will, and removes those that it does not name.
func (i *importer) complete(ctx context.Context, id checkpoint.ShardID, fence checkpoint.Fence) error {
	named := make(map[string]bool)
	for _, ref := range fence.Segments {
		named[ref.ID] = true
		if err := i.store.Read(ctx, id, ref, func([]byte) error { return nil }); err != nil {
			return fmt.Errorf("savepoint: the state of %v is not complete: %w", id, err)
		}
	}
	for s := range i.next {
		if s.id == id && !named[s.name] {
			if err := i.store.DropSegment(ctx, id, s.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// undo removes what an import that failed has stored.
func (i *importer) undo(ctx context.Context) {
	if i.made {
		_ = i.js.DeleteStream(ctx, engine.ExchangeStream(i.sum.Pipeline)) // the next import says that it is there
	}
	for s := range i.next {
		_ = i.store.DropSegment(ctx, s.id, s.name) // nobody knows of it
	}
}

// put stores a record of the exchange under its own sequence.
func (i *importer) put(ctx context.Context, m Message) error {
	if !strings.HasPrefix(m.Subject, "calm.x."+i.sum.Pipeline+"."+i.sum.Epoch+".") {
		return fmt.Errorf("savepoint: a record of the exchange is for %s, which is not of this pipeline", m.Subject)
	}
	if i.held == nil {
		return fmt.Errorf("savepoint: record %d of the exchange comes before it is said what the exchange holds", m.Seq)
	}
	if err := i.pad(ctx, m.Seq, m.Seq-1); err != nil {
		return err
	}
	msg := nats.NewMsg(m.Subject)
	msg.Data = m.Data
	for _, f := range m.Header {
		if !strings.HasPrefix(f.Name, "Nats-") { // what was for the server was for that server
			msg.Header.Add(f.Name, f.Value)
		}
	}
	i.sum.Waiting++
	return i.publish(ctx, msg, m.Seq)
}
