package sqlite_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
	_ "github.com/ncruces/go-sqlite3/driver"
	_ "github.com/ncruces/go-sqlite3/embed"
)

// setup is a set of events and the number of shards that read them.
type setup struct {
	name   string
	config nexmark.Config
	shards int
}

var setups = []setup{
	{"in order", nexmark.Config{Seed: 1, Events: 2000, Rate: nexmark.LongRate}, 1},
	{"out of order over midnight", nexmark.Config{
		Seed: 2, Events: 2500, Rate: nexmark.LongRate, OutOfOrder: 50, Start: time.Date(2023, 12, 31, 23, 59, 48, 0, time.UTC),
	}, 3},
	{"eight generators at the official rate", nexmark.Config{Seed: 3, Events: 2500, Rate: nexmark.OfficialRate, Generators: 8, OutOfOrder: 10}, 2},
}

// stored is when message n of the input was stored.
func stored(n int) time.Time { return pipelinetest.Start.Add(time.Duration(n) * 9 * time.Millisecond) }

func TestQueriesAgainstSQL(t *testing.T) {
	t.Parallel()
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			lines := dump(t, s.config)
			db := load(t, lines)
			for _, q := range queries.All() {
				got := run(t, q, lines, s.shards)
				same(t, q.Name, got[queries.Rows], ask(t, db, q.Name))
				if q.Name == "q10" {
					same(t, "q10, the markers", got[queries.Markers], ask(t, db, "q10.markers"))
				}
			}
		})
	}
}

// Each query has its SQL, and no SQL is left over.
func TestEachQueryHasItsSQL(t *testing.T) {
	t.Parallel()
	want := []string{"sql/schema.sql", "sql/q10.markers.sql"}
	for _, q := range queries.All() {
		want = append(want, "sql/"+q.Name+".sql")
	}
	got, err := filepath.Glob("sql/*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}
}

// dump returns the events as calmstream nexmark dump prints them.
func dump(t *testing.T, c nexmark.Config) (lines [][]byte) {
	t.Helper()
	all, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		lines = append(lines, e.AppendJSON(nil))
	}
	return lines
}

// load makes the tables.
func load(t *testing.T, lines [][]byte) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "nexmark.db")+"?_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tx.ExecContext(t.Context(), "CREATE TABLE line (n INTEGER, stored INTEGER, json TEXT)")
	for n, line := range lines {
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.ExecContext(t.Context(), "INSERT INTO line VALUES (?, ?, ?)", n, stored(n).UnixMilli(), string(line))
	}
	if err == nil {
		_, err = tx.ExecContext(t.Context(), statement(t, "schema"))
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func statement(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("sql", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask runs a query in SQLite. Its rows are JSON objects with the names of the columns, in their order.
func ask(t *testing.T, db *sql.DB, name string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out = append(out, object(t, columns, values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func object(t *testing.T, columns []string, values []any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for i, column := range columns {
		fmt.Fprintf(&b, "%s%q:", [2]string{"{", ","}[min(i, 1)], column)
		if err := encoder.Encode(values[i]); err != nil {
			t.Fatal(err)
		}
		b.Truncate(b.Len() - 1) // the end of the line
	}
	return b.String() + "}"
}

// run runs a query to the end of its input and returns what each of its Writes has produced.
func run(t *testing.T, q queries.Query, lines [][]byte, shards int) map[string][]string {
	t.Helper()
	c := queries.Config{Stream: "EVENTS", SideStream: "SIDE", Sink: func(write string) sinks.Sink { return sinks.Func{Name: write} }}
	for i := range shards {
		c.Subjects = append(c.Subjects, fmt.Sprintf("events.%d", i))
	}
	d := pipelinetest.NewDriver(t, q.Pipeline(c))
	if q.Side {
		for row := range queries.SideInput() {
			d.Push(queries.Side, string(row))
		}
		d.End(queries.Side)
	}
	for n, line := range lines {
		d.PushMessage(queries.Events, pipelinetest.Message{Data: line, Shard: n % shards, Stored: stored(n)})
	}
	d.Advance(stored(len(lines)).Sub(d.Now()))
	d.End()
	if rejected := d.Rejected(); len(rejected) > 0 {
		t.Errorf("%s: %d records were rejected, the first because of: %s", q.Name, len(rejected), rejected[0].Reason)
	}
	out := make(map[string][]string)
	writes := []string{queries.Rows}
	if q.Name == "q10" {
		writes = append(writes, queries.Markers)
	}
	for _, write := range writes {
		for _, r := range d.Results(write) {
			out[write] = append(out[write], r.Payload)
		}
	}
	return out
}

// same compares rows, whatever their order.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 {
		t.Errorf("%s: SQL has no rows, so that nothing is compared", what)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: %d rows, want %d; the first that differs is\n%s\nand should be\n%s", what, len(got), len(want), at(got, i), at(want, i))
			return
		}
	}
}

func at(rows []string, i int) string {
	if i < len(rows) {
		return strings.TrimSpace(rows[i])
	}
	return "(none)"
}
