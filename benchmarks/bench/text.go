//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// wordsPerLine is how many words a line of the workload words has.
const wordsPerLine = 20

// words counts words, some of which are much more frequent than others.
func words() workload {
	return workload{
		name: "words", about: "count the words of lines of 20 words, about 10,000 different ones of which few are frequent",
		cases: func(scale float64) []testcase {
			n := scaled(10_000_000, scale, 40_000) / wordsPerLine
			return one(contest.Job{Stream: "WORDS", Subjects: []string{"words.lines"}, Messages: n, Records: n * wordsPerLine, Keys: 10_000})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error {
			for m := range c.Messages {
				line := make([]string, wordsPerLine)
				for i := range line {
					line[i] = word(m*wordsPerLine+i, c.Keys)
				}
				if err := put(&nats.Msg{Subject: c.Subjects[0], Data: []byte(strings.Join(line, " "))}); err != nil {
					return err
				}
			}
			return nil
		},
		want: func(c testcase) map[string]string {
			return countsOf(c.Records, func(i int) string { return word(i, c.Keys) })
		},
		entries: append(floors(),
			entry{name: "loop", kind: floorKind, promise: "none: a map, lost when the process ends", run: func(ctx context.Context, b *contest.Bout) error {
				return countLoop(ctx, b, func(m *nats.Msg, count func(string)) {
					for w := range bytes.FieldsSeq(m.Data) {
						count(string(w))
					}
				})
			}},
			entry{name: calmName, kind: oursKind, promise: exactlyOnce, run: func(ctx context.Context, b *contest.Bout) error {
				return run(ctx, b, func(p *pipeline.Pipeline, c *collector) {
					lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: b.Stream, Decode: pipeline.Text})
					countKeys(p, c, operators.FlatMap(lines, strings.FieldsSeq), func(w string) string { return w })
				})
			}},
		),
		targets: noTargets,
	}
}

func noTargets(*table) []target { return nil }

// word is a word of an input: the n-th most frequent one comes about 1/n times as often as the first.
func word(i, words int) string {
	u := float64(mix(i)>>11) / (1 << 53)
	return fmt.Sprintf("w%d", int(math.Pow(float64(words), u)))
}

// Numbers of the workload ads.
const (
	campaigns, adsOfCampaign = 100, 10
	adWindow                 = 10 * time.Second
	adsPerSecond             = 10_000 // of event time
	adsBegin                 = 1_700_000_000_000
)

// adEvent is a message of the workload ads.
type adEvent struct {
	User string `json:"user_id"`
	Page string `json:"page_id"`
	Ad   string `json:"ad_id"`
	Type string `json:"ad_type"`
	What string `json:"event_type"`
	Time int64  `json:"event_time"`
	IP   string `json:"ip_address"`
}

// adAt makes event i. They are in order of their times.
func adAt(i int) adEvent {
	r := mix(i)
	return adEvent{
		User: fmt.Sprintf("user-%08x", uint32(r>>32)), Page: fmt.Sprintf("page-%08x", uint32(r)),
		Ad: fmt.Sprintf("ad-%d", r>>20%(campaigns*adsOfCampaign)), Type: []string{"banner", "modal", "mail"}[r>>7%3],
		What: []string{"view", "click", "purchase"}[r>>3%3], Time: adsBegin + int64(i)*1000/adsPerSecond, IP: "10.1.2.3",
	}
}

// campaignOf is the static table from ads to campaigns.
func campaignOf(ad string) string {
	var n int
	for _, digit := range []byte(strings.TrimPrefix(ad, "ad-")) {
		n = n*10 + int(digit-'0')
	}
	return fmt.Sprintf("campaign-%d", n/adsOfCampaign)
}

// ads is after the Yahoo Streaming Benchmark: views of ads, joined to campaigns, counted in windows.
func ads() workload {
	campaign := make(map[string]string)
	for i := range campaigns * adsOfCampaign {
		ad := fmt.Sprintf("ad-%d", i)
		campaign[ad] = campaignOf(ad)
	}
	return workload{
		name: "ads", about: "keep the views among JSON ad events, join each to its campaign, and count them in windows of 10 s of event time, sealed by a watermark (after the Yahoo Streaming Benchmark)",
		cases: func(scale float64) []testcase {
			n := scaled(1_000_000, scale, 4_000)
			return one(contest.Job{Stream: "ADS", Subjects: []string{"ads.events"}, Messages: n, Records: n, Keys: campaigns})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error {
			for i := range c.Messages {
				data, err := json.Marshal(adAt(i))
				if err != nil {
					return err
				}
				if err := put(&nats.Msg{Subject: c.Subjects[0], Data: data}); err != nil {
					return err
				}
			}
			return nil
		},
		want: wantAds,
		entries: append(floors(), entry{name: calmName, kind: oursKind, promise: exactlyOnce + "; each window's count once", run: func(ctx context.Context, b *contest.Bout) error {
			return run(ctx, b, func(p *pipeline.Pipeline, c *collector) {
				c.name = windowName
				events := pipeline.Read(p, "events", pipeline.Source[adEvent]{
					Stream: b.Stream, Decode: pipeline.JSON[adEvent], Time: func(e adEvent) time.Time { return time.UnixMilli(e.Time) },
				})
				views := operators.Filter(events, func(e adEvent) bool { return e.What == "view" })
				byCampaign := operators.Window(operators.KeyBy(views, "campaign", func(e adEvent) string { return campaign[e.Ad] }), operators.Tumbling(adWindow))
				counted := operators.Seal(operators.Count("views", byCampaign), operators.Watermark(0))
				pipeline.Write(p, "views", operators.Finals(counted), c.sink("views"), encodeCount[string])
			})
		}}),
		targets: noTargets,
	}
}

// wantAds counts views by campaign and window, one event at a time.
func wantAds(c testcase) map[string]string {
	counts := make(map[string]int)
	for i := range c.Records {
		if e := adAt(i); e.What == "view" {
			counts[fmt.Sprintf("%s@%d", campaignOf(e.Ad), e.Time/adWindow.Milliseconds()*int64(adWindow.Seconds()))]++
		}
	}
	want := make(map[string]string, len(counts))
	for key, n := range counts {
		want[key] = fmt.Sprint(n)
	}
	return want
}
