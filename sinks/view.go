package sinks

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// View shows in a KV bucket what is known by now: the key is Record.Path, and the value the payload of the largest Version so
// far. The headers are those of Subject. It is meant for lower bounds, see operators.Bounds.
//
// A value is replaced only by one with a larger Version, and only if it is still what the writer has read there
// (Nats-Expected-Last-Subject-Sequence). What comes late, twice, from another owner, or from a process that has slept, changes
// nothing: for a reader who asks the leader of the stream, or who watches, no key ever goes back. Two results with one Version
// that are not the same are refused with a ConflictError, as are two without a Version. So are two things under one key, such as the bounds and the final
// result of one state: each Write has a bucket of its own.
//
// Its revisions do not begin at 1 but with the microseconds since 1970 at which the bucket was made. So no two buckets that are made here one after the other
// have revisions in common, and a writer that has not heard of the second one replaces nothing there by what it knows of the first.
//
// Of the records of one Write that share a key only the one with the largest Version is written. So a destination that is slower than the
// pipeline sees fewer of them, and none later.
//
// A record without a Path is refused with an error that wraps ErrPermanent. A key that someone has deleted comes back with the next
// version, or with an older one that is written again.
type View struct {
	// Bucket is the name of the bucket: letters, digits, '_' and '-'. If it does not exist it is made with one revision a key
	// and without direct get, so that every Get of a client asks the leader. If it exists it is left as it is. It is required.
	Bucket string
	// Replicas is the number of copies of a bucket that is made here; 0 means 1.
	Replicas int
}

// Target returns "view " and the name of the bucket.
func (s View) Target() string { return "view " + s.Bucket }

// Open finds or makes the bucket.
func (s View) Open(ctx context.Context, env Env) (Writer, error) {
	if err := checkBucket("View", s.Target(), s.Bucket); err != nil {
		return nil, err
	}
	js, err := open(s.Target(), env, s.Replicas)
	if err != nil {
		return nil, err
	}
	all := "$KV." + s.Bucket + ".>"
	stream, err := ensureStream(ctx, js, s.config(all), all)
	if err != nil {
		return nil, fmt.Errorf("sinks: %s: finding or making the bucket: %w", s.Target(), err)
	}
	warn(env, s.Target(), stream)
	if stream.AllowDirect && stream.Replicas > 1 && env.Logger != nil {
		env.Logger.Warn("sinks: the bucket allows direct get, which any replica answers, so a reader may get an older value after a newer one",
			"target", s.Target(), "stream", stream.Name)
	}
	p, err := newPublisher(env.Conn, s.Target(), stream.Name, s.address)
	if err != nil {
		return nil, err
	}
	p.newest = make(map[string]revision)
	return &viewWriter{publisher: p}, nil
}

// config is that of the stream below a bucket as the client makes it, but for direct get.
func (s View) config(subjects string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              "KV_" + s.Bucket,
		Description:       "Results of calmstream",
		Subjects:          []string{subjects},
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		DenyDelete:        true,
		AllowRollup:       true,
		FirstSeq:          uint64(time.Now().UnixMicro()), // behind all sequences of a bucket of that name that there was before
		Storage:           jetstream.FileStorage,
		Replicas:          max(1, s.Replicas),
	}
}

// address returns the subject below the key of a record, which is that of all its versions.
func (s View) address(r *Record) (string, error) {
	if err := checkKey(r); err != nil {
		return "", err
	}
	return "$KV." + s.Bucket + "." + r.Path, nil
}

// viewWriter is the Writer of View.
type viewWriter struct {
	*publisher
	place map[string]int // in best, by path
	best  []Record
}

// Write writes the newest of the records of each path.
func (w *viewWriter) Write(ctx context.Context, records []Record) error {
	if w.closed {
		return closedError(w.target)
	}
	defer func() { // what was lent
		clear(w.best)
		clear(w.place)
	}()
	if w.best = w.best[:0]; w.place == nil {
		w.place = make(map[string]int)
	}
	for _, r := range records {
		i, met := w.place[r.Path]
		switch {
		case !met || r.Path == "":
			w.place[r.Path] = len(w.best)
			w.best = append(w.best, r)
		case r.Version > w.best[i].Version && w.best[i].Version > 0:
			w.best[i] = r
		case r.Version > 0 && r.Version < w.best[i].Version: // outdated
		case r.Version != w.best[i].Version || r.ID != w.best[i].ID || !bytes.Equal(r.Payload, w.best[i].Payload):
			first := w.best[i]
			return &ConflictError{
				Subject: w.stream + ", key " + r.Path, ID: r.ID, Digest: digest(r.Payload),
				StoredID: first.ID, StoredDigest: digest(first.Payload),
			}
		}
	}
	return w.publisher.Write(ctx, w.best)
}

// revision is what stands on a subject: its sequence, and its version.
type revision struct{ seq, version uint64 }

// maxRevisions bounds what a writer of a view remembers of what it has written. Without it, each write of a key would be refused first.
const maxRevisions = 1 << 16

// remember notes what stands on a subject now.
func (p *publisher) remember(subject string, r revision) {
	if p.newest == nil {
		return
	}
	if len(p.newest) >= maxRevisions {
		if _, known := p.newest[subject]; !known {
			clear(p.newest) // they are found again at the next writes
		}
	}
	p.newest[subject] = r
}

// put notes what the stream has put on a subject. A sequence that does not come behind the last one is of a stream that was made again, or has
// lost its end: what is known of sequences of the one before holds no more.
func (p *publisher) put(subject string, r revision) {
	if r.seq <= p.last {
		p.forget()
	}
	p.last = r.seq
	p.remember(subject, r)
}

// forget has each subject looked at anew before something on it is replaced.
func (p *publisher) forget() { clear(p.newest) }

// replaceable returns the sequence of what a version may stand in for, as far as this writer knows; 0 if it does not. A shard that
// begins again from its checkpoint hands the same writer older versions after newer ones: they are not for replacing these.
func (p *publisher) replaceable(subject string, version uint64) (seq uint64) {
	if known := p.newest[subject]; known.version < version {
		return known.seq
	}
	return 0
}

// versionOf returns the version of a stored result; 0 if it has none.
func versionOf(header nats.Header) (uint64, error) {
	text := header.Get(VersionHeader)
	if text == "" {
		return 0, nil
	}
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, permanent("the header %s is %q, which is no version: let nothing else publish there", VersionHeader, text)
	}
	return version, nil
}

// differ says that two results of one path are versions of different things: one of them has no version, or their IDs are the same in nothing but the
// version. IDs that do not end in it say nothing.
func differ(id string, version uint64, other string, otherVersion uint64) bool {
	if version == 0 || otherVersion == 0 {
		return version != otherVersion
	}
	thing, ends := strings.CutSuffix(id, "/v"+versionText(version))
	otherThing, otherEnds := strings.CutSuffix(other, "/v"+versionText(otherVersion))
	return ends && otherEnds && thing != otherThing
}

// outdates decides between a record and the stored version of the same thing: it is to replace it, or it is outdated and done. If both
// have the same version, or are no versions of one thing, neither is.
func (f *flight) outdates(i int, stored *storedMessage, header nats.Header) (done bool, err error) {
	version, err := versionOf(header)
	if err != nil {
		return false, fmt.Errorf("sinks: %s: what is stored on %q: %w", f.target, f.slots[i].subject, err)
	}
	switch r := &f.records[i]; {
	case differ(r.ID, r.Version, header.Get(IDHeader), version):
		return false, nil
	case r.Version > version:
		f.slots[i].replaces = stored.Seq
		return true, f.retry(i)
	case r.Version < version:
		f.remember(f.slots[i].subject, revision{stored.Seq, version})
		f.settle(i)
		return true, nil
	}
	return false, nil
}
