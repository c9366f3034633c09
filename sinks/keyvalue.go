package sinks

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// KeyValue stores results in a KV bucket: the key is Record.Path, the value the payload, and the
// headers are those of Subject.
//
// A key is created once, by the rule of Subject: whoever writes a result and however often, it stands there
// once, and a different result on the same path is refused with a ConflictError. So it takes results
// about a key or a window; a record without a Path is refused with an error that wraps ErrPermanent.
// Lower bounds of one thing have a key each, which ends in "v" and their Version; View has one for all of them.
// A key that someone has deleted is made again when its result is written again.
type KeyValue struct {
	// Bucket is the name of the bucket: letters, digits, '_' and '-'. It is made with one
	// revision a key if it does not exist; if it exists it is left as it is. It is required.
	Bucket string
	// Replicas is the number of copies of a bucket that is made here; 0 means 1.
	Replicas int
}

// Target returns "bucket " and the name.
func (s KeyValue) Target() string { return "bucket " + s.Bucket }

// Open finds or makes the bucket.
func (s KeyValue) Open(ctx context.Context, env Env) (Writer, error) {
	if err := checkBucket("KeyValue", s.Target(), s.Bucket); err != nil {
		return nil, err
	}
	js, err := open(s.Target(), env, s.Replicas)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, js)
	if err != nil {
		return nil, fmt.Errorf("sinks: %s: %w", s.Target(), err)
	}
	warn(env, s.Target(), stream)
	return newPublisher(env.Conn, s.Target(), stream.Name, s.address)
}

// stream makes the bucket if it is missing and returns the configuration of the stream below it.
func (s KeyValue) stream(ctx context.Context, js jetstream.JetStream) (jetstream.StreamConfig, error) {
	_, err := js.KeyValue(ctx, s.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:      s.Bucket,
			Description: "Results of calmstream",
			History:     1,
			Storage:     jetstream.FileStorage,
			Replicas:    max(1, s.Replicas),
		})
		if errors.Is(err, jetstream.ErrBucketExists) { // another worker was faster, with other options
			err = nil
		}
	}
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("finding or making the bucket: %w", explain(err))
	}
	return lookUpStream(ctx, js, "KV_"+s.Bucket, "$KV."+s.Bucket+".>")
}

// checkBucket tells why a bucket cannot have a name.
func checkBucket(sink, target, bucket string) error {
	if bucket == "" {
		return fmt.Errorf("sinks: %s has no Bucket: set the name of the bucket that results go to", sink)
	}
	for i := 0; i < len(bucket); i++ {
		if c := bucket[i]; !isAlphanumeric(c) && c != '_' && c != '-' {
			return fmt.Errorf("sinks: %s: a bucket name has no %q: use letters, digits, '_' and '-'", target, c)
		}
	}
	return nil
}

// address returns the subject below the key of a record.
func (s KeyValue) address(r *Record) (string, error) {
	if err := checkKey(r); err != nil {
		return "", err
	}
	return "$KV." + s.Bucket + "." + versioned(r), nil
}

// checkKey tells why the path of a record cannot be a key.
func checkKey(r *Record) error {
	if r.Path == "" {
		return errors.New("it has no Path, so no key is the same at every retry: " +
			"send results about a record to a Subject, and those about a key or a window here")
	}
	if err := checkTokens(r.Path); err != nil {
		return fmt.Errorf("the Path %q %w", r.Path, err)
	}
	for i := 0; i < len(r.Path); i++ {
		switch c := r.Path[i]; {
		case isAlphanumeric(c), c == '-', c == '/', c == '_', c == '=', c == '.':
		default:
			return fmt.Errorf("the Path %q has %q, which KV keys do not allow", r.Path, c)
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
