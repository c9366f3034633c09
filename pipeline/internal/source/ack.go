package source

import "strings"

// delivery is what JetStream says about a message in the reply subject it is delivered with:
//
//	v1   $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
//	v2   $JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>[.<more>...]
//
// Version 1 has exactly 9 tokens, version 2 has 11 or more.
type delivery struct {
	stream   uint64 // sequence in the stream
	consumer uint64 // sequence in the consumer: 1, 2, 3 ... without gaps
	time     int64  // store time in nanoseconds since 1970
	pending  uint64 // how many messages the consumer still had to deliver after this one
}

// ackPrefix returns the part of a reply subject before the numbers, with its last dot. It is the same for all messages
// of one consumer, so it is found once and then compared. It returns "" for what is no such subject.
func ackPrefix(reply string) string {
	if !strings.HasPrefix(reply, "$JS.ACK.") {
		return ""
	}
	tokens := strings.Count(reply, ".") + 1
	before := 4
	if tokens >= 11 {
		before = 6
	} else if tokens != 9 {
		return ""
	}
	for i := range len(reply) {
		if reply[i] != '.' {
			continue
		}
		if before--; before == 0 {
			return reply[:i+1]
		}
	}
	return ""
}

// parseDelivery reads the numbers of a reply subject, which begin at index i. It allocates nothing.
func parseDelivery(reply string, i int) (d delivery, ok bool) {
	var time uint64
	_, i = parseNumber(reply, i)
	d.stream, i = parseNumber(reply, i)
	d.consumer, i = parseNumber(reply, i)
	time, i = parseNumber(reply, i)
	d.pending, i = parseNumber(reply, i)
	d.time = int64(time)
	return d, i <= len(reply)+1
}

// parseNumber reads the decimal number at index i and returns it with the index after the dot that ends it. Where there
// is no digit, or something else than a dot follows, it returns an index from which the next call fails too.
func parseNumber(s string, i int) (n uint64, next int) {
	start := i
	for ; i < len(s); i++ {
		digit := s[i] - '0'
		if digit > 9 {
			break
		}
		n = n*10 + uint64(digit)
	}
	if i == start || i < len(s) && s[i] != '.' {
		return 0, len(s) + 2
	}
	return n, i + 1
}
