package worker

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/pipeline"
)

// metricsType is the media type of the text format of Prometheus.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// metric is one value of each shard.
type metric struct {
	name, kind, help string
	value            func(pipeline.ShardStatus) string // "" where there is none
}

func whole(n uint64) string { return strconv.FormatUint(n, 10) }

// shardMetrics are the metrics of a shard, in the order in which they are written. The names do not change.
var shardMetrics = []metric{
	{"calm_messages_total", "counter", "Messages read from the log.", func(s pipeline.ShardStatus) string { return whole(s.Messages) }},
	{"calm_bytes_total", "counter", "Bytes of payload read from the log.", func(s pipeline.ShardStatus) string { return whole(s.Bytes) }},
	{"calm_results_total", "counter", "Results handed to sinks.", func(s pipeline.ShardStatus) string { return whole(s.Results) }},
	{"calm_dead_letters_total", "counter", "Records that could not be used.", func(s pipeline.ShardStatus) string { return whole(s.DeadLetters) }},
	{"calm_late_total", "counter", "Records that came after the seal of their window.", func(s pipeline.ShardStatus) string { return whole(s.Late) }},
	{"calm_checkpoints_total", "counter", "Checkpoints committed.", func(s pipeline.ShardStatus) string { return whole(s.Checkpoints) }},
	{"calm_checkpoint_bytes_total", "counter", "Bytes of state written by checkpoints.", func(s pipeline.ShardStatus) string { return whole(s.CheckpointBytes) }},
	{"calm_checkpoint_conflicts_total", "counter", "Checkpoints that another owner was faster with.", func(s pipeline.ShardStatus) string { return whole(s.Conflicts) }},
	{"calm_adoptions_total", "counter", "Times that the state of another owner was loaded.", func(s pipeline.ShardStatus) string { return whole(s.Adoptions) }},
	{"calm_repeated_records_total", "counter", "Records that came again from a registered producer, and were not counted twice.", func(s pipeline.ShardStatus) string { return whole(s.Repeated) }},
	{"calm_coordination_waits_total", "counter", "Windows, and records without a match, whose results waited for a seal.", func(s pipeline.ShardStatus) string { return whole(s.CoordinationWaits) }},
	{"calm_divergence_total", "counter", "Times that another owner had made something else of the same input; should be 0.", func(s pipeline.ShardStatus) string { return whole(s.Divergences) }},
	{"calm_position", "gauge", "Stream sequence that has been applied.", func(s pipeline.ShardStatus) string { return whole(s.Position) }},
	{"calm_committed_position", "gauge", "Stream sequence of the newest checkpoint.", func(s pipeline.ShardStatus) string { return whole(s.Committed) }},
	{"calm_resumed_position", "gauge", "Stream sequence of the checkpoint that the shard began with; 0 for none.", func(s pipeline.ShardStatus) string { return whole(s.Resumed) }},
	{"calm_restore_seconds", "gauge", "How long the last load of a checkpoint took, in seconds; 0 if there was none.", func(s pipeline.ShardStatus) string { return strconv.FormatFloat(s.Restored.Seconds(), 'f', -1, 64) }},
	{"calm_restored_bytes", "gauge", "Size of the checkpoint that was loaded last.", func(s pipeline.ShardStatus) string { return strconv.FormatInt(s.RestoredBytes, 10) }},
	{"calm_lag_messages", "gauge", "Messages that wait in the log.", func(s pipeline.ShardStatus) string { return whole(s.Lag) }},
	{"calm_open_windows", "gauge", "Windows that wait for their seal.", func(s pipeline.ShardStatus) string { return strconv.FormatInt(s.OpenWindows, 10) }},
	{"calm_frontier_seconds", "gauge", "Event time before which the input is complete, in seconds since 1970.", frontier},
}

// frontier is absent while nothing is known.
func frontier(s pipeline.ShardStatus) string {
	if s.Frontier.IsZero() {
		return ""
	}
	return strconv.FormatFloat(float64(s.Frontier.UnixMilli())/1000, 'f', -1, 64)
}

// metrics writes everything: metrics in the order above, pipelines in that of the program, shards by stage and number.
func (s *state) metrics(b build) []byte {
	shards := make([][]pipeline.ShardStatus, len(s.tasks))
	for i, t := range s.tasks {
		shards[i] = t.monitor.Shards()
	}
	var out bytes.Buffer
	for _, m := range shardMetrics {
		head(&out, m.name, m.kind, m.help)
		for i, t := range s.tasks {
			for _, shard := range shards[i] {
				if v := m.value(shard); v != "" {
					sample(&out, m.name, v, "pipeline", t.pipeline.Name(), "stage", shard.Stage, "shard", strconv.Itoa(shard.Shard))
				}
			}
		}
	}
	head(&out, "calm_pipeline_running", "gauge", "1 while every shard of the pipeline runs.")
	for _, t := range s.tasks {
		sample(&out, "calm_pipeline_running", oneIf(t.monitor.Running()), "pipeline", t.pipeline.Name())
	}
	head(&out, "calm_nats_connected", "gauge", "1 while NATS is connected.")
	sample(&out, "calm_nats_connected", oneIf(s.connected()))
	head(&out, "calm_build_info", "gauge", "The build of the worker, always 1.")
	sample(&out, "calm_build_info", "1", "version", b.program, "calmstream", b.library, "revision", b.revision, "goversion", b.goVersion)
	return out.Bytes()
}

func oneIf(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func head(out *bytes.Buffer, name, kind, help string) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, helpEscaper.Replace(help), name, kind)
}

// sample writes one line; labels are names and values in turn.
func sample(out *bytes.Buffer, name, value string, labels ...string) {
	out.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		fmt.Fprintf(out, `%s%s="%s"`, open, labels[i], labelEscaper.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		out.WriteString("}")
	}
	out.WriteString(" " + value + "\n")
}
