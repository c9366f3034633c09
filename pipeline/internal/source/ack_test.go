package source

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// The parser of the client library is the oracle.
func TestDeliveryIsReadAsTheClientLibraryReadsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9_-]{1,12}`)
		number := rapid.Map(rapid.Uint64Range(0, 1<<62), func(n uint64) string { return strconv.FormatUint(n, 10) })
		tokens := []string{"$JS", "ACK"}
		if rapid.Bool().Draw(t, "version 2") {
			tokens = append(tokens, name.Draw(t, "domain"), name.Draw(t, "account"))
		}
		tokens = append(tokens, name.Draw(t, "stream"), name.Draw(t, "consumer"))
		before := len(tokens)
		for range 5 {
			tokens = append(tokens, number.Draw(t, "number"))
		}
		if before == 6 {
			tokens = append(tokens, rapid.SliceOfN(name, 0, 3).Draw(t, "more")...)
		}
		reply := strings.Join(tokens, ".")

		meta, err := (&nats.Msg{Reply: reply, Sub: &nats.Subscription{}}).Metadata()
		if err != nil {
			t.Fatalf("the oracle does not read %s: %v", reply, err)
		}
		prefix := ackPrefix(reply)
		if want := strings.Join(tokens[:before], ".") + "."; prefix != want {
			t.Fatalf("prefix %q, want %q", prefix, want)
		}
		got, ok := parseDelivery(reply, len(prefix))
		want := delivery{stream: meta.Sequence.Stream, consumer: meta.Sequence.Consumer, time: meta.Timestamp.UnixNano(), pending: meta.NumPending}
		if !ok || got != want {
			t.Fatalf("%s: read %+v (ok %v), want %+v", reply, got, ok, want)
		}
	})
}

func TestWhatIsNoDeliveryIsNotRead(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"",
		"_INBOX.abc.1",
		"$JS.ACK.S.C.1.2.3.4",             // 8 tokens
		"$JS.ACK.S.C.1.2.3.4.5.6",         // 10 tokens
		"$JS.ACK.S.C.1.2.3.4.x",           // no number
		"$JS.ACK.S.C.1.2..4.5",            // empty
		"$JS.ACK.S.C.1.2.3.4.",            // empty at the end
		"$JS.ACK.S.C.1.2.3-.4.5",          // trailing sign
		"$JS.ACK.S.C.-1.2.3.4.5",          // sign
		"$JS.FC.S.C.1.2.3.4.5",            // flow control
		"$JS.ACK.D.A.S.C.1.2.3.4.",        // version 2 with an empty number
		"$JS.ACK.D.A.S.C.1.2.three.4.5.6", // version 2 with a word
	} {
		if prefix := ackPrefix(reply); prefix != "" {
			if d, ok := parseDelivery(reply, len(prefix)); ok {
				t.Errorf("%q was read as %+v", reply, d)
			}
		}
	}
}

func TestAnyReplyIsReadWithoutPanic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reply := rapid.OneOf(rapid.String(), rapid.StringMatching(`\$JS\.ACK(\.[0-9a.]{0,4}){0,14}`)).Draw(t, "reply")
		i := rapid.IntRange(0, len(reply)).Draw(t, "begin")
		if prefix := ackPrefix(reply); !strings.HasPrefix(reply, prefix) {
			t.Fatalf("%q is no prefix of %q", prefix, reply)
		}
		if d, ok := parseDelivery(reply, i); ok && len(reply)-i < len("1.1.1.1.1") {
			t.Fatalf("%q from %d has no five numbers, but was read as %+v", reply, i, d)
		}
	})
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestReadingADeliveryAllocatesNothing(t *testing.T) {
	const reply = "$JS.ACK.orders.calm-p-s-0-Yx8.1.123456.123450.1758000000000000000.1000"
	if n := testing.AllocsPerRun(100, func() {
		if d, ok := parseDelivery(reply, len(ackPrefix(reply))); !ok || d.stream != 123456 {
			t.Fatal("not read")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseDelivery(b *testing.B) {
	const reply = "$JS.ACK.orders.calm-p-s-0-Yx8.1.123456.123450.1758000000000000000.1000"
	prefix := ackPrefix(reply)
	for b.Loop() {
		if !strings.HasPrefix(reply, prefix) {
			b.Fatal("prefix")
		}
		if _, ok := parseDelivery(reply, len(prefix)); !ok {
			b.Fatal("not read")
		}
	}
}
