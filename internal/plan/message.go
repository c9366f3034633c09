package plan

// Message is one message of a shard's log as decoders see it.
//
// Data and Header are valid only during the call that receives the message; copy what must live longer. Subject is an
// ordinary string, though keeping a part of it keeps the whole.
type Message struct {
	// Subject is where the message was published.
	Subject string
	// Data is the payload.
	Data []byte
	// Header is nil where the message has none. Engine messages (seals) are not shown to decoders.
	Header map[string][]string
	// Seq is the stream sequence.
	Seq uint64
	// Time is the store timestamp in nanoseconds since 1970: the clock of the server, not of this process.
	Time int64
}
