package worker_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/worker"
	"pgregory.net/rapid"
)

// exposition is a parsed page of metrics.
type exposition struct {
	kinds  map[string]string
	help   map[string]string
	values map[string]float64 // by name and labels, in the order of the page
	order  []string
}

var nameLine = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)

// parseMetrics reads the text format 0.0.4 as its specification describes it, and nothing that the writer knows.
func parseMetrics(text string) (*exposition, error) {
	e := &exposition{kinds: map[string]string{}, help: map[string]string{}, values: map[string]float64{}}
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	current := ""
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "# HELP "):
			name, help, _ := strings.Cut(line[7:], " ")
			if _, twice := e.help[name]; twice {
				return nil, fmt.Errorf("second HELP of %s", name)
			}
			e.help[name], current = help, name
		case strings.HasPrefix(line, "# TYPE "):
			name, kind, _ := strings.Cut(line[7:], " ")
			if name != current || e.kinds[name] != "" || kind != "counter" && kind != "gauge" {
				return nil, fmt.Errorf("TYPE out of place: %s", line)
			}
			e.kinds[name] = kind
		default:
			labels, value, err := parseSample(line)
			if err != nil {
				return nil, fmt.Errorf("%w: %q", err, line)
			}
			if labels[0] != current || e.kinds[current] == "" {
				return nil, fmt.Errorf("a sample outside of its group: %q", line)
			}
			key := strings.Join(labels, "|")
			if _, twice := e.values[key]; twice {
				return nil, fmt.Errorf("the same sample twice: %q", line)
			}
			e.values[key], e.order = value, append(e.order, key)
		}
	}
	return e, nil
}

// parseSample returns the name, then names and values of the labels as "name=value".
func parseSample(line string) (labels []string, value float64, err error) {
	name := nameLine.FindString(line)
	if name == "" {
		return nil, 0, fmt.Errorf("no name")
	}
	labels, rest := []string{name}, line[len(name):]
	if strings.HasPrefix(rest, "{") {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			label := nameLine.FindString(rest)
			if label == "" || !strings.HasPrefix(rest[len(label):], `="`) {
				return nil, 0, fmt.Errorf("no label")
			}
			text, after, err := unquote(rest[len(label)+2:])
			if err != nil {
				return nil, 0, err
			}
			labels, rest = append(labels, label+"="+text), strings.TrimPrefix(after, ",")
		}
		rest = rest[1:]
	}
	if !strings.HasPrefix(rest, " ") {
		return nil, 0, fmt.Errorf("no space before the value")
	}
	value, err = strconv.ParseFloat(rest[1:], 64)
	return labels, value, err
}

// unquote reads up to the closing quote.
func unquote(s string) (text, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\n':
			return "", "", fmt.Errorf("a line ends within a label")
		case '\\':
			i++
			if i == len(s) {
				return "", "", fmt.Errorf("nothing behind a backslash")
			}
			plain, ok := map[byte]byte{'\\': '\\', '"': '"', 'n': '\n'}[s[i]]
			if !ok {
				return "", "", fmt.Errorf(`\%c is no escape`, s[i])
			}
			b.WriteByte(plain)
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("the label does not end")
}

func scrape(t *testing.T, address string) *exposition {
	t.Helper()
	status, text := get(address + "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	e, err := parseMetrics(text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return e
}

// of returns a metric of the only stage of a pipeline that reads an input.
func (e *exposition) of(metric, name string) float64 {
	return e.values[metric+"|pipeline="+name+"|stage=words|shard=0"]
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	makeInput(t, js, "m1")
	makeInput(t, js, "m2")
	publish(t, js, "m1", numbered(40)...) // 80 bytes
	publish(t, js, "m1", "bad")
	publish(t, js, "m2", "x")
	r := start(t, []*pipeline.Pipeline{count("m2"), count("m1")}, "--nats", srv.URL(), "--checkpoint-every", "20ms")
	address := r.log.address(t)
	r.ready(t)
	var e *exposition
	eventually(t, "a checkpoint at the end of the input", func() bool {
		e = scrape(t, address)
		return e.of("calm_committed_position", "m1") == 41 && e.of("calm_committed_position", "m2") == 1
	})
	for metric, want := range map[string]float64{
		"calm_messages_total": 41, "calm_bytes_total": 83, "calm_dead_letters_total": 1, "calm_late_total": 0,
		"calm_results_total": 40, "calm_checkpoint_conflicts_total": 0, "calm_adoptions_total": 0, "calm_position": 41,
		"calm_lag_messages": 0, "calm_resumed_position": 0, "calm_coordination_waits_total": 0, "calm_divergence_total": 0,
	} {
		key := metric + "|pipeline=m1|stage=words|shard=0"
		if got, ok := e.values[key]; !ok || got != want {
			t.Errorf("%s is %v (present: %v), want %v", key, got, ok, want)
		}
	}
	if e.of("calm_checkpoints_total", "m1") < 1 || e.of("calm_checkpoint_bytes_total", "m1") < 1 {
		t.Errorf("no checkpoint is counted: %v", e.values)
	}
	for _, key := range []string{"calm_nats_connected", "calm_pipeline_running|pipeline=m1", "calm_pipeline_running|pipeline=m2"} {
		if e.values[key] != 1 {
			t.Errorf("%s is %v, want 1", key, e.values[key])
		}
	}
	for name, kind := range e.kinds {
		if strings.HasSuffix(name, "_total") != (kind == "counter") || e.help[name] == "" || !strings.HasPrefix(name, "calm_") {
			t.Errorf("%s is a %s: %q", name, kind, e.help[name])
		}
	}
	if again := scrape(t, address); !slices.Equal(again.order, e.order) {
		t.Errorf("the order changes:\n%v\n%v", e.order, again.order)
	}
	if slices.Index(e.order, "calm_messages_total|pipeline=m2|stage=words|shard=0") > slices.Index(e.order, "calm_messages_total|pipeline=m1|stage=words|shard=0") {
		t.Errorf("pipelines are not in the order of the program: %v", e.order)
	}
	if status, text := get(address + "/plan"); status != http.StatusOK || !strings.Contains(text, "pipeline m1,") || !strings.Contains(text, "pipeline m2,") {
		t.Errorf("/plan: %d %s", status, text)
	}
	if status, text := get(address + "/debug/pprof/heap"); status != http.StatusNotFound {
		t.Errorf("profiles without --pprof: %d %s", status, text)
	}
	publishEnd(t, js, "m2")
	eventually(t, "the state of m2, whose ranking waits for the end, is counted, and nothing of m1", func() bool {
		ended := scrape(t, address)
		return ended.of("calm_coordination_waits_total", "m2") > 0 && ended.of("calm_coordination_waits_total", "m1") == 0
	})
	r.stop()
	r.ended(t, 0)
}

func TestLabelsAreEscaped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(rapid.SampledFrom([]rune("a\\\"\n{},= é"))).Draw(t, "value")
		line := worker.SampleLine("calm_x", "3", "a", value, "b", "plain")
		labels, got, err := parseSample(strings.TrimSuffix(line, "\n"))
		if want := []string{"calm_x", "a=" + value, "b=plain"}; err != nil || got != 3 || !slices.Equal(labels, want) {
			t.Fatalf("%q was read as %q %v %v", line, labels, got, err)
		}
	})
	if line := worker.SampleLine("calm_x", "1"); line != "calm_x 1\n" {
		t.Errorf("without labels: %q", line)
	}
}

// The parser of this test must find what is wrong, or it proves nothing.
func TestTheParserIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"calm_a 1\n", "# HELP calm_a x\n# TYPE calm_a gauge\ncalm_a 1", "# HELP calm_a x\n# TYPE calm_a gauge\ncalm_b 1\n",
		"# HELP calm_a x\n# TYPE calm_a gauge\ncalm_a{b=\"\n\"} 1\n", "# HELP calm_a x\n# TYPE calm_a thing\ncalm_a 1\n",
		"# HELP calm_a x\n# TYPE calm_a gauge\ncalm_a 1\ncalm_a 1\n", "# HELP calm_a x\n# TYPE calm_a gauge\ncalm_a one\n",
		"# HELP calm_a x\n# TYPE calm_a gauge\ncalm_a{b=\"\\t\"} 1\n",
	} {
		if _, err := parseMetrics(text); err == nil {
			t.Errorf("accepted: %q", text)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	makeInput(t, srv.JetStream(t), "prof")
	r := start(t, []*pipeline.Pipeline{count("prof")}, "--nats", srv.URL(), "--pprof")
	address := r.log.address(t)
	if status, text := get(address + "/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(text, "goroutine profile") {
		t.Errorf("status %d, %.200s", status, text)
	}
	if status, text := get(address + "/debug/pprof/profile?seconds=1"); status != http.StatusOK || !strings.HasPrefix(text, "\x1f\x8b") {
		t.Errorf("status %d, %.20q", status, text)
	}
	if status, _ := get(address + "/debug/pprof/nothing"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
}
