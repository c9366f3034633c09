package engine

import (
	"context"
	"encoding/json"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Patiently, with FewAttempts or ForEver, is exported to its test.
var Patiently = patiently

// Distinct is exported to its test.
var Distinct = distinct

// See patiently.
const (
	FewAttempts = fewAttempts
	ForEver     = forEver
)

// GiveUp publishes the decision about a shard of the first stage.
func GiveUp(ctx context.Context, conn *nats.Conn, p *plan.Plan, number int, at uint64) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	e := &engine{Config: Config{Conn: conn, Plan: p}, js: js}
	return e.giveUp(ctx, p.Stages[0], number, at)
}

// CutOf reads from a start record which recorded cut was the last before the beginning of a shard.
func CutOf(record []byte, stage string, shard int) (int64, error) {
	var start StartRecord
	err := json.Unmarshal(record, &start)
	return start.Logs[stage].cut(shard), err
}
