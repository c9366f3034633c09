package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/pipeline/query"
)

const queryUsage = `calmstream query PIPELINE STATE threshold KEY SET (--nats URL | --store DIR) [flags]
calmstream query PIPELINE STATE await KEY SET --wait DURATION ...
calmstream query PIPELINE STATE lower-bound KEY ...
calmstream query PIPELINE STATE final KEY ...

Asks for the state of one key. A SET is one that a state which grows never leaves: "count >= 2", "max >= 3",
"min <= 3", "size >= 3", 'contains "x"', raised. What is unknown may be so yet: unknown is not no.`

// inquiry is what the command line of query asks.
type inquiry struct {
	pipeline, state, kind, key, set string

	epoch, ask, format string
	at                 *time.Time
	wait               time.Duration
	place              store.Config
}

// asks says who is asked, by the values of --ask.
var asks = map[string]query.Of{"workers": query.Workers, "checkpoints": query.Checkpoints, "any": query.WorkersFirst}

// inquire asks for the state of a key.
func inquire(ctx context.Context, args []string, std streams) int {
	var q inquiry
	set := q.flags()
	rest, err := parse(set, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, queryUsage))
	case err == nil:
		err = q.check(rest)
	}
	if err != nil {
		return misuse(std, "query: %s; see calmstream help query", sentence(err))
	}
	st, err := store.Open(ctx, q.place)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	reply, err := q.answer(ctx, st)
	if err = errors.Join(err, st.Close()); err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	if q.format == "json" {
		line, _ := json.Marshal(reply) // strings and numbers
		return deliver(std, append(line, '\n'))
	}
	return deliver(std, []byte(tell(reply)))
}

func (q *inquiry) flags() *flag.FlagSet {
	set := flagSet("query")
	set.StringVar(&q.epoch, "epoch", "", "`epoch` of the version to ask; without it the active one")
	set.StringVar(&q.ask, "ask", "any", "`who` is asked: workers, checkpoints, or any, which is the workers first and the checkpoints where none answers")
	set.StringVar(&q.format, "format", "text", "`format`: text, or json for an object")
	set.Func("at", "`instant` in the window to ask about (RFC 3339), if the state has windows", func(text string) error {
		at, err := time.Parse(time.RFC3339Nano, text)
		q.at = &at
		return err
	})
	set.DurationVar(&q.wait, "wait", 0, "await: `duration` to wait for the answer")
	q.place.Flags(set)
	return set
}

// check says what is wrong with the command line.
func (q *inquiry) check(rest []string) error {
	if len(rest) < 4 {
		return errors.New("query takes the names of a pipeline and of a state, a question and a key")
	}
	q.pipeline, q.state, q.kind, q.key = rest[0], rest[1], rest[2], rest[3]
	want := 4
	switch q.kind {
	case "threshold", "await":
		want = 5
	case "lower-bound", "final":
	default:
		return fmt.Errorf("%q is no question; there is threshold, await, lower-bound and final", q.kind)
	}
	_, known := asks[q.ask]
	switch {
	case len(rest) < want:
		return fmt.Errorf(`%s takes a set behind the key, such as "count >= 2"`, q.kind)
	case len(rest) > want:
		return fmt.Errorf("%q is too much", rest[want])
	case (q.kind == "await") != (q.wait > 0):
		return errors.New("await, and nothing else, takes --wait with the time to wait")
	case !known:
		return fmt.Errorf("--ask is workers, checkpoints or any, not %q", q.ask)
	case q.format != "text" && q.format != "json":
		return fmt.Errorf("--format is text or json, not %q", q.format)
	case q.place.URL == "" && q.place.Dir == "":
		return errors.New("say where the pipeline runs, with --nats or --store")
	}
	if len(rest) == 5 {
		q.set = rest[4]
	}
	return q.place.Check()
}

// answer asks.
func (q *inquiry) answer(ctx context.Context, st *store.Store) (query.Reply, error) {
	state, err := query.OpenNamed(ctx, q.pipeline, q.epoch, q.state, query.Config{Conn: st.Conn(), Ask: asks[q.ask]})
	if err != nil {
		return query.Reply{}, err
	}
	if q.at != nil {
		state = state.At(*q.at)
	}
	switch q.kind {
	case "threshold":
		return state.Threshold(ctx, q.key, q.set)
	case "lower-bound":
		return state.LowerBound(ctx, q.key)
	case "final":
		return state.Final(ctx, q.key)
	}
	waiting, cancel := context.WithTimeout(ctx, q.wait)
	defer cancel()
	reply, err := state.Await(waiting, q.key, q.set)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("after %s it is not known that %s is in %s", q.wait, q.key, q.set)
	}
	return reply, err
}

// tell shows an answer to people: the value and what it is worth first.
func tell(r query.Reply) string {
	var b strings.Builder
	if b.WriteString(r.Verdict); r.Value != nil {
		b.Reset()
		fmt.Fprintf(&b, "%s (%s)", r.Value, r.Verdict)
	}
	if r.Basis != "" {
		b.WriteString(": " + r.Basis)
	}
	fmt.Fprintf(&b, "\n  window %s, %s/%d:%d", r.Window, r.Position.Stage, r.Position.Shard, r.Position.Seq)
	if r.Frontier != "" {
		b.WriteString(", complete up to " + r.Frontier)
	}
	return b.String() + ", says " + r.Origin + "\n"
}
