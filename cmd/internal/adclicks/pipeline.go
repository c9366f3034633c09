package adclicks

import (
	"cmp"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// TopK is how many campaigns the ranking of a window has.
const TopK = 5

// Config says how to count. Its zero value is a pipeline named adclicks, with windows of ten seconds over two partitions.
type Config struct {
	// Name is the name of the pipeline, and begins those of its streams and subjects. Empty means "adclicks".
	Name string
	// Partitions is the number of subjects that the events come on; 0 means 2.
	Partitions int
	// Window is the size of the windows; 0 means ten seconds.
	Window time.Duration
	// Lateness is how far, in event time, an event may trail the newest one of its partition and still count in a window that
	// has ended; 0 means a quarter of the window.
	Lateness time.Duration
	// AlertAt is the number of clicks in one window at which an alert about a campaign leaves; 0 means 100.
	AlertAt uint64
	// Replicas is how many servers keep each stream; 0 means 1.
	Replicas int
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "adclicks")
	c.Partitions = cmp.Or(c.Partitions, 2)
	c.Window = cmp.Or(c.Window, 10*time.Second)
	c.Lateness = cmp.Or(c.Lateness, c.Window/4)
	c.AlertAt = cmp.Or(c.AlertAt, 100)
	c.Replicas = cmp.Or(c.Replicas, 1)
	return c
}

// Alert says that a campaign has reached the threshold in a window. The window is in the header Calm-Window.
type Alert struct {
	Campaign string `json:"campaign"`
	// AtLeast is the threshold: by the time the alert is read there may have been more clicks, never fewer.
	AtLeast uint64 `json:"at_least"`
}

// Ranked is a campaign in the ranking of a window, with its clicks.
type Ranked = operators.Ranked[string, uint64]

// Pipeline returns the pipeline. Mistakes in the Config are found when it is explained or run.
func Pipeline(c Config) *pipeline.Pipeline {
	c = c.withDefaults()
	p := pipeline.New(c.Name)
	events := pipeline.Read(p, "events", pipeline.Source[AdEvent]{
		Stream:   c.EventStream(),
		Subjects: c.subjects(),
		Decode:   Decode,
		Time:     func(e AdEvent) time.Time { return e.Time },
	})
	clicks := operators.Filter(events, isClick)
	byCampaign := operators.KeyBy(clicks, "campaign", func(e AdEvent) string { return e.Campaign })
	windows := operators.Window(byCampaign, operators.Tumbling(c.Window))
	counts := operators.Count("clicks", windows)

	hot := operators.Threshold(counts, crdt.AtLeast(c.AlertAt))
	alerts := operators.Map(hot, func(campaign string) Alert { return Alert{Campaign: campaign, AtLeast: c.AlertAt} })
	pipeline.Write(p, "alerts", alerts, c.alertSink(), pipeline.EncodeJSON)

	sealed := operators.Seal(counts, operators.Watermark(c.Lateness))
	top := operators.TopK("top", sealed, TopK, (*crdt.GCounter).Value)
	pipeline.Write(p, "top", top, c.topSink(), pipeline.EncodeJSON)
	return p
}

// EventStream is the stream that the pipeline reads.
func (c Config) EventStream() string { return c.withDefaults().Name + "_EVENTS" }

// EventSubject is the subject of a partition.
func (c Config) EventSubject(partition int) string {
	return fmt.Sprintf("%s.events.%d", c.withDefaults().Name, partition)
}

// AlertStream holds the alerts, as JSON of Alert.
func (c Config) AlertStream() string { return c.withDefaults().Name + "_ALERTS" }

// TopStream holds the rankings, as JSON of a list of Ranked, the best first.
func (c Config) TopStream() string { return c.withDefaults().Name + "_TOP" }

func (c Config) subjects() []string {
	c = c.withDefaults()
	all := make([]string, max(0, c.Partitions))
	for i := range all {
		all[i] = c.EventSubject(i)
	}
	return all
}

func (c Config) alertSink() sinks.Subject {
	return sinks.Subject{Name: c.Name + ".alerts", Stream: c.AlertStream(), Replicas: c.Replicas}
}

func (c Config) topSink() sinks.Subject {
	return sinks.Subject{Name: c.Name + ".top", Stream: c.TopStream(), Replicas: c.Replicas}
}
