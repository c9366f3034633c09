package codecs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline/codecs/cbor"
	"github.com/calmstream/calmstream/pipeline/codecs/internal/bidpb"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonv2"
	"github.com/calmstream/calmstream/pipeline/codecs/msgpack"
	"github.com/calmstream/calmstream/pipeline/codecs/protobuf"
	"google.golang.org/protobuf/proto"
)

// Bid is the record of the tests and benchmarks, after the bids of Nexmark.
type Bid struct {
	Auction int64          `json:"auction"`
	Bidder  int64          `json:"bidder"`
	Price   int64          `json:"price"`
	Channel string         `json:"channel"`
	URL     string         `json:"url"`
	At      time.Time      `json:"at"`
	Extra   string         `json:"extra"`
	Tags    map[string]any `json:"tags,omitempty"`
	Outbid  *Bid           `json:"outbid,omitempty"`
}

func bids() []Bid {
	at := time.Date(2024, 1, 1, 0, 0, 0, 123456789, time.UTC)
	plain := Bid{1007, 2013, 15320984, "channel-4711", "https://www.nexmark.com/googoo/item.htm?query=1&channel_id=4711", at, strings.Repeat("xyzzy_", 12), nil, nil}
	return []Bid{
		plain,
		{At: at},
		{Auction: math.MinInt64, Bidder: math.MaxInt64, Channel: "∞\x00\"\\<", At: at.Add(time.Nanosecond), Tags: map[string]any{"z": "1", "a": true, "mm": "2", "": "x"}, Outbid: &plain},
	}
}

// named is a codec with its types hidden.
type named struct {
	name   string
	encode func(t testing.TB, prefix []byte, b Bid) []byte
	// decode returns the record, which is compared by reflect.DeepEqual, or an error.
	decode func(data []byte) (any, error)
	// same makes of a bid what decode should return for it.
	same func(b Bid) any
}

func of(c operators.Codec[Bid]) named {
	return named{
		name: c.Name,
		encode: func(t testing.TB, prefix []byte, b Bid) []byte {
			t.Helper()
			data, err := c.Append(prefix, b)
			if err != nil {
				t.Fatal(err)
			}
			return data
		},
		decode: func(data []byte) (any, error) {
			b, err := c.Decode(data)
			for at := &b; at != nil; at = at.Outbid {
				at.At = at.At.UTC() // an instant is all that is kept of a time
			}
			return b, err
		},
		same: func(b Bid) any { return b },
	}
}

// message is the bid as Protocol Buffers have it.
func message(b Bid) *bidpb.Bid {
	m := &bidpb.Bid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel, Url: b.URL, At: b.At.UnixNano(), Extra: b.Extra}
	for tag := range b.Tags {
		if m.Tags == nil {
			m.Tags = make(map[string]int64)
		}
		m.Tags[tag] = int64(len(tag))
	}
	if b.Outbid != nil {
		m.Outbid = message(*b.Outbid)
	}
	return m
}

func all() []named {
	pb := protobuf.Of[bidpb.Bid]()
	return []named{
		of(jsonv2.Of[Bid]()), of(cbor.Of[Bid]()), of(msgpack.Of[Bid]()),
		{
			name: pb.Name,
			encode: func(t testing.TB, prefix []byte, b Bid) []byte {
				t.Helper()
				data, err := pb.Append(prefix, message(b))
				if err != nil {
					t.Fatal(err)
				}
				return data
			},
			decode: func(data []byte) (any, error) {
				m, err := pb.Decode(data)
				if err != nil {
					return nil, err
				}
				return text(m), nil
			},
			same: func(b Bid) any { return text(message(b)) },
		},
	}
}

// text is a message as something to compare.
func text(m *bidpb.Bid) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return fmt.Sprintf("%x %v", data, err)
}

// What is decoded is what was encoded, always by the same bytes, behind what was there, and it shares no memory with them.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for _, c := range all() {
		for i, b := range bids() {
			data := c.encode(t, []byte("before "), b)
			if !bytes.HasPrefix(data, []byte("before ")) {
				t.Fatalf("%s: %q does not begin with what was there", c.name, data)
			}
			data = data[len("before "):]
			for range 30 {
				if again := c.encode(t, nil, bids()[i]); !bytes.Equal(again, data) {
					t.Fatalf("%s: bid %d is encoded as %q, and as %q", c.name, i, data, again)
				}
			}
			got, err := c.decode(data)
			clear(data)
			if err != nil || !reflect.DeepEqual(got, c.same(b)) {
				t.Errorf("%s: bid %d came back as %+v, error %v", c.name, i, got, err)
			}
		}
	}
}

// nested is some levels of a container around nothing.
func nested(open, shut string, n int) string {
	return strings.Repeat(open, n) + strings.Repeat(shut, n)
}

// hostile are messages that nobody should be able to hurt with: what announces more than there is, and what is nested without end.
var hostile = map[string][]string{
	"json/v2": {
		"", "{", `{"auction":1}x`, `{"auction":1,"auction":2}`, "{\"url\":\"\xff\"}", `{"auction":1.5}`, `{"auction":1e400}`,
		`{"tags":` + nested("[", "]", 1<<20) + "}", `{"zz":` + nested(`{"a":`, "}", 1<<20) + "}", strings.Repeat("[", 1<<20),
	},
	"cbor": {
		"", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", "\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", "\xa1\x64tags\x9a\xff\xff\xff\xff",
		"\xa2\x67auction\x01\x67auction\x02", "\xa1\x67auction\x01\x00", "\xa1\x64tags" + strings.Repeat("\x81", 1<<20) + "\x00", strings.Repeat("\xd8\x20", 1<<20), strings.Repeat("\x9f", 1<<20),
	},
	"msgpack": {
		"", "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\x01", "\xc1", "\xc0\xc0", "\x81\xa4Tags\xdd\x7f\xff\xff\xff",
		"\x81\xa4Tags" + strings.Repeat("\x91", 1<<20) + "\xc0", strings.Repeat("\xdc\xff\xff", 1<<18), "\x81\xa4Tags" + strings.Repeat("\x81\xa1a", 1<<18) + "\xc0", "\xd4", "\xd6\xff\x00",
	},
	"protobuf calmstream.test.Bid": {
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x22\xff\xff\xff\xff\x0f", "\x22\x02\xff\xff", deepMessage(1000), "\x4b", "\x00",
	},
}

// deepMessage is a bid that outbids one, that outbids one …
func deepMessage(n int) string {
	inner := []byte{}
	for range n {
		m, _ := proto.Marshal(&bidpb.Bid{})
		m = append(m, 9<<3|2)
		size := len(inner)
		for size >= 0x80 {
			m = append(m, byte(size)|0x80)
			size >>= 7
		}
		inner = append(append(m, byte(size)), inner...)
	}
	return string(inner)
}

// A hostile message is refused with a short reason, and costs memory in proportion to its length.
func TestHostileMessagesAreRefused(t *testing.T) { //nolint:paralleltest // it measures what is allocated
	for _, c := range all() {
		if len(hostile[c.name]) == 0 {
			t.Fatalf("%s is not tried", c.name)
		}
		for _, data := range hostile[c.name] {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.decode([]byte(data))
			runtime.ReadMemStats(&after)
			if err == nil || !strings.HasPrefix(err.Error(), "not ") || len(err.Error()) > 500 {
				t.Errorf("%s: %.40q: error %.600v", c.name, data, err)
			}
			if spent, allowed := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+100*len(data)); spent > allowed {
				t.Errorf("%s: %.40q of %d bytes cost %d bytes of memory", c.name, data, len(data), spent)
			}
		}
	}
}

// No damage to a message makes a decoder panic; what it decodes it can encode.
func TestDamagedMessages(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range all() {
		refused := 0
		for range 20_000 {
			data := c.encode(t, nil, bids()[2])
			for range 1 + rng.IntN(4) {
				data[rng.IntN(len(data))] = byte(rng.Uint32())
			}
			if rng.IntN(3) == 0 {
				data = data[:rng.IntN(len(data))]
			}
			if _, err := c.decode(data); err != nil {
				refused++
			}
		}
		if refused < 1000 {
			t.Errorf("%s: only %d damaged messages were refused", c.name, refused)
		}
	}
}

// A map that MessagePack would encode in any order is refused, where it would do harm.
func TestUnorderedMapsAreRefused(t *testing.T) {
	t.Parallel()
	type deep struct{ A []map[int]string }
	c := msgpack.Of[*deep]()
	if _, err := c.Encode(new(deep)); err == nil || !strings.Contains(err.Error(), "map[int]string") {
		t.Errorf("got error %v", err)
	}
	if v, err := c.Decode([]byte("\x81\xa1A\x91\x81\x01\xa1x")); err != nil || v.A[0][1] != "x" {
		t.Errorf("got %+v, error %v", v, err)
	}
	type list struct {
		Next *list
		Tags map[string]string
		At   time.Time
	}
	if _, err := msgpack.Of[list]().Encode(list{Tags: map[string]string{"a": "b"}}); err != nil {
		t.Error(err)
	}
	if _, err := cbor.Of[deep]().Encode(deep{[]map[int]string{{2: "b", 1: "a"}}}); err != nil {
		t.Error(err)
	}
}

// quick has the methods that msgp generates.
type quick struct{ n byte }

func (q *quick) MarshalMsg(b []byte) ([]byte, error) { return append(b, q.n), nil }
func (q *quick) UnmarshalMsg(data []byte) ([]byte, error) {
	q.n = data[0]
	return data[1:], nil
}

func TestGeneratedMethodsAreUsed(t *testing.T) {
	t.Parallel()
	c := msgpack.Of[quick]()
	data, err := c.Encode(quick{7})
	if err != nil || !bytes.Equal(data, []byte{7}) {
		t.Fatalf("got %x, error %v", data, err)
	}
	if q, err := c.Decode(data); err != nil || q.n != 7 {
		t.Errorf("got %+v, error %v", q, err)
	}
	if _, err := c.Decode(nil); err == nil {
		t.Error("nothing is decoded")
	}
	if _, err := c.Decode([]byte{7, 7}); err == nil {
		t.Error("what is left over is not seen")
	}
}

// What cannot be encoded is an error with the type.
func TestEncodingFails(t *testing.T) {
	t.Parallel()
	type odd struct{ C chan int }
	for _, err := range []error{
		second(jsonv2.Of[odd]().Encode(odd{})), second(cbor.Of[odd]().Encode(odd{})), second(msgpack.Of[odd]().Encode(odd{})),
	} {
		if err == nil || !strings.Contains(err.Error(), "odd cannot be encoded") {
			t.Errorf("got error %v", err)
		}
	}
	if err := second(protobuf.Of[bidpb.Bid]().Encode(&bidpb.Bid{Url: "\xff"})); err == nil || !strings.Contains(err.Error(), "calmstream.test.Bid cannot be encoded") {
		t.Errorf("got error %v", err)
	}
}

func second(_ []byte, err error) error { return err }

func BenchmarkDecode(b *testing.B) {
	record := bids()[0]
	plain, _ := json.Marshal(record)
	b.Run("encoding/json", func(b *testing.B) {
		bench(b, len(plain), func() error { var v Bid; return json.Unmarshal(plain, &v) })
	})
	for _, c := range all() {
		data := c.encode(b, nil, record)
		if c.name[0] == 'p' {
			pb := protobuf.Of[bidpb.Bid]()
			b.Run("protobuf", func(b *testing.B) { bench(b, len(data), func() error { _, err := pb.Decode(data); return err }) })
			continue
		}
		b.Run(c.name, func(b *testing.B) { bench(b, len(data), func() error { _, err := c.decode(data); return err }) })
	}
}

func BenchmarkEncode(b *testing.B) {
	record := bids()[0]
	m := message(record)
	pb := protobuf.Of[bidpb.Bid]()
	buf := make([]byte, 0, 1024)
	b.Run("encoding/json", func(b *testing.B) {
		bench(b, 0, func() error { data, err := json.Marshal(record); buf = append(buf[:0], data...); return err })
	})
	for name, c := range map[string]operators.Codec[Bid]{"json/v2": jsonv2.Of[Bid](), "cbor": cbor.Of[Bid](), "msgpack": msgpack.Of[Bid]()} {
		b.Run(name, func(b *testing.B) { bench(b, 0, func() error { _, err := c.Append(buf[:0], record); return err }) })
	}
	b.Run("protobuf", func(b *testing.B) { bench(b, 0, func() error { _, err := pb.Append(buf[:0], m); return err }) })
}

func bench(b *testing.B, size int, f func() error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	if size > 0 {
		b.ReportMetric(float64(size), "bytes")
	}
}
