package savepoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// Summary says what a file holds.
type Summary struct {
	Pipeline, Epoch string
	// Shards is the number of checkpoints, Bytes the size of the file, Waiting the number of records in the exchange.
	Shards  int
	Bytes   int64
	Waiting int
	// Rebased are the input streams that were found to be copies of those that the pipeline has read, by name.
	Rebased []string
}

// rounds is how often an export begins again with newer checkpoints, if the pipeline runs and has replaced the older ones.
const rounds = 20

// exporter writes one savepoint.
type exporter struct {
	js       jetstream.JetStream
	store    *jetstore.Store
	out      *Writer
	pipeline string
	epoch    string
	start    engine.StartRecord
	records  []Record
	// written are the segments that are in the file, and sent the last sequence of the exchange that is.
	written map[checkpoint.ShardID]map[string]bool
	sent    uint64
	sum     Summary
}

// Export writes the checkpoints of a pipeline. If epoch is empty there must be only one.
func Export(ctx context.Context, conn *nats.Conn, pipeline, epoch string, w io.Writer) (Summary, error) {
	e := &exporter{pipeline: pipeline, written: make(map[checkpoint.ShardID]map[string]bool)}
	if err := e.open(ctx, conn, epoch); err != nil {
		return Summary{}, err
	}
	var err error
	if e.out, err = NewWriter(w); err != nil {
		return Summary{}, err
	}
	if err := e.out.Write(Header{Pipeline: pipeline, Epoch: e.epoch}); err != nil {
		return Summary{}, err
	}
	for range rounds {
		done, err := e.round(ctx)
		if err != nil {
			return Summary{}, fmt.Errorf("savepoint of %s: %w", pipeline, err)
		}
		if done {
			e.sum.Bytes = e.out.Bytes()
			return e.sum, nil
		}
	}
	return Summary{}, fmt.Errorf("savepoint of %s: its checkpoints are replaced faster than they can be written; stop it first", pipeline)
}

func (e *exporter) open(ctx context.Context, conn *nats.Conn, epoch string) error {
	epochs, err := jetstore.Epochs(ctx, conn, e.pipeline)
	switch {
	case err != nil:
		return fmt.Errorf("savepoint of %s: %w", e.pipeline, err)
	case len(epochs) == 0:
		return fmt.Errorf("savepoint of %s: it has not run there", e.pipeline)
	case epoch == "" && len(epochs) > 1:
		return fmt.Errorf("savepoint of %s: several versions of it have run there; name the epoch of one: %s", e.pipeline, strings.Join(epochs, ", "))
	case epoch == "":
		epoch = epochs[0]
	case !slices.Contains(epochs, epoch):
		return fmt.Errorf("savepoint of %s: there is no epoch %s; there is %s", e.pipeline, epoch, strings.Join(epochs, ", "))
	}
	e.epoch = epoch
	e.sum.Pipeline, e.sum.Epoch = e.pipeline, epoch
	if e.js, err = jetstream.New(conn); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if e.store, err = jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: e.pipeline, Epoch: epoch}); err != nil {
		return err
	}
	_, keys, err := e.store.Contents(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		value, _, err := e.store.ReadOnce(ctx, key)
		if err != nil {
			return err
		}
		e.records = append(e.records, Record{Key: key, Value: value})
	}
	e.start, err = startOf(e.records)
	return err
}

// startOf finds the start record.
func startOf(records []Record) (start engine.StartRecord, err error) {
	i := slices.IndexFunc(records, func(r Record) bool { return r.Key == engine.StartKey })
	if i < 0 {
		return start, errors.New("savepoint: there is no start record")
	}
	if err := json.Unmarshal(records[i].Value, &start); err != nil {
		return start, fmt.Errorf("savepoint: the start record is damaged: %w", err)
	}
	return start, nil
}

// round writes what the newest checkpoints need and is not written yet, and then the checkpoints. It returns false if one of them was
// replaced meanwhile.
func (e *exporter) round(ctx context.Context) (done bool, err error) {
	shards, _, err := e.store.Contents(ctx)
	if err != nil {
		return false, err
	}
	var fences []Fence
	for _, id := range shards {
		loaded, err := e.store.Load(ctx, id)
		if err != nil {
			return false, err
		}
		fences = append(fences, Fence{ID: id, Fence: loaded.Fence})
	}
	if err := e.delivered(ctx); err != nil {
		return false, err
	}
	for _, f := range fences {
		if err := e.segments(ctx, f); errors.Is(err, checkpoint.ErrSegmentGone) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	// What a checkpoint has sent was stored before it: it is in the exchange by now, or a receiver's checkpoint has it.
	if whole, err := e.exchange(ctx, fences); err != nil || !whole {
		return false, err
	}
	for _, r := range e.records {
		if err := e.out.Write(r); err != nil {
			return false, err
		}
	}
	for _, f := range fences {
		if err := e.out.Write(f); err != nil {
			return false, err
		}
	}
	e.sum.Shards = len(fences)
	return true, e.out.Close()
}

// segments writes the segments of a checkpoint.
func (e *exporter) segments(ctx context.Context, f Fence) error {
	written := e.written[f.ID]
	if written == nil {
		written = make(map[string]bool)
		e.written[f.ID] = written
	}
	for _, ref := range f.Fence.Segments {
		if written[ref.ID] {
			continue
		}
		number := 0
		err := e.store.Read(ctx, f.ID, ref, func(chunk []byte) error {
			number++
			return e.out.Write(Chunk{ID: f.ID, Segment: ref.ID, Number: number - 1, Data: chunk})
		})
		if err != nil {
			return err
		}
		written[ref.ID] = true
	}
	return nil
}

// exchanged says whether a stage reads the exchange.
func exchanged(start engine.StartRecord, pipeline, stage string) bool {
	return start.Logs[stage].Stream == engine.ExchangeStream(pipeline)
}

// exchange writes the records in the exchange that a receiver may not have taken. It returns false if some were purged that a checkpoint needs.
func (e *exporter) exchange(ctx context.Context, fences []Fence) (whole bool, err error) {
	used := slices.ContainsFunc(slices.Collect(maps.Keys(e.start.Logs)), func(stage string) bool { return exchanged(e.start, e.pipeline, stage) })
	if !used {
		return true, nil
	}
	stream, err := e.js.Stream(ctx, engine.ExchangeStream(e.pipeline))
	if err != nil {
		return false, fmt.Errorf("the exchange: stream %s: %w", engine.ExchangeStream(e.pipeline), err)
	}
	state := stream.CachedInfo().State
	held := Range{First: max(1, state.FirstSeq), Last: state.LastSeq}
	held.First = min(held.First, held.Last+1)
	if err := e.out.Write(held); err != nil {
		return false, err
	}
	if err := e.messages(ctx, held); err != nil {
		return false, fmt.Errorf("the exchange: %w", err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return false, fmt.Errorf("the exchange: %w", err)
	}
	for _, f := range fences {
		if at := f.Fence.Position.Seq; exchanged(e.start, e.pipeline, f.ID.Stage) && !f.Fence.Done && at+1 < info.State.FirstSeq {
			return false, nil
		}
	}
	return true, nil
}

// messages writes what the exchange holds for this epoch in a range and is not written yet.
func (e *exporter) messages(ctx context.Context, r Range) error {
	from := max(r.First, e.sent+1)
	if from > r.Last {
		return nil
	}
	consumer, err := e.js.OrderedConsumer(ctx, engine.ExchangeStream(e.pipeline), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"calm.x." + e.pipeline + "." + e.epoch + ".>"},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	return backlog.Each(ctx, consumer, func(msg jetstream.Msg, seq uint64) (more bool, err error) {
		if seq > r.Last {
			return false, nil
		}
		part := Message{Seq: seq, Subject: msg.Subject(), Data: msg.Data()}
		for _, name := range slices.Sorted(maps.Keys(msg.Headers())) {
			for _, value := range msg.Headers()[name] {
				part.Header = append(part.Header, Field{name, value})
			}
		}
		if err := e.out.Write(part); err != nil {
			return false, err
		}
		e.sent = part.Seq
		e.sum.Waiting++
		return true, nil
	})
}
