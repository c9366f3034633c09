package jetstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// patience is how long one answer of a server is waited for before it counts as lost. Electing a leader takes less.
const patience = 5 * time.Second

// Config says where the checkpoints of a pipeline are kept.
type Config struct {
	// Conn is the connection to use. The store does not close it.
	Conn *nats.Conn
	// Pipeline names the bucket: letters, digits, - and _.
	Pipeline string
	// Epoch is the first part of every key.
	Epoch string
	// Replicas is the number of servers that keep the bucket, where it has to be made; 0 means 1.
	Replicas int
	// Logger may be nil.
	Logger *slog.Logger
}

// Store keeps the checkpoints of one pipeline and epoch in its bucket. It may be used by many goroutines at once. It
// holds no resources of its own: there is nothing to close.
type Store struct {
	conn     *nats.Conn
	stream   jetstream.Stream
	name     string // of the stream
	bucket   string
	epoch    string
	created  time.Time // of the stream: another one is another bucket
	log      *slog.Logger
	patience time.Duration

	// request and publish are those of the connection; tests lose messages here.
	request func(context.Context, *nats.Msg) (*nats.Msg, error)
	publish func(*nats.Msg) error

	mu   sync.Mutex
	seen map[checkpoint.ShardID]uint64 // the newest revision of each fence that a server has confirmed to us
}

var _ checkpoint.Store = (*Store)(nil)

// Open returns a store on the bucket of the pipeline, which it makes if there is none. It fails with ErrServer if the server
// cannot keep checkpoints, and with ErrSettings if the bucket is not set up to keep them; the error says what to do. With a
// context without deadline, each request waits for five seconds.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Conn == nil {
		return nil, errors.New("jetstore: Config.Conn is nil; connect to a server first")
	}
	if err := checkNames(cfg); err != nil {
		return nil, err
	}
	s := &Store{
		conn:     cfg.Conn,
		bucket:   "calm_" + cfg.Pipeline,
		name:     "KV_calm_" + cfg.Pipeline,
		epoch:    cfg.Epoch,
		log:      cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		patience: patience,
		request:  cfg.Conn.RequestMsgWithContext,
		publish:  cfg.Conn.PublishMsg,
		seen:     map[checkpoint.ShardID]uint64{},
	}
	stream, err := s.openStream(ctx, cmp.Or(cfg.Replicas, 1))
	if err != nil {
		return nil, err
	}
	s.stream, s.created = stream, stream.CachedInfo().Created
	return s, nil
}

func checkNames(cfg Config) error {
	for _, c := range []byte(cfg.Pipeline) {
		if c == '=' || c == '/' {
			return fmt.Errorf("jetstore: pipeline %q: a bucket name is made of letters, digits, - and _", cfg.Pipeline)
		}
	}
	if cfg.Replicas < 0 {
		return fmt.Errorf("jetstore: %d replicas; a bucket has at least 1", cfg.Replicas)
	}
	return errors.Join(checkpoint.CheckName("pipeline", cfg.Pipeline), checkpoint.CheckName("epoch", cfg.Epoch))
}

// subject is the subject under which the bucket stores a key.
func (s *Store) subject(key string) string { return "$KV." + s.bucket + "." + key }

func (s *Store) shardKey(id checkpoint.ShardID) string {
	return s.epoch + "." + id.Stage + "." + strconv.Itoa(id.Shard)
}

func (s *Store) fenceSubject(id checkpoint.ShardID) string {
	return s.subject(s.shardKey(id) + ".fence")
}

// segmentsPrefix is what the subjects of all chunks of the shard begin with; then follow the ID and the number.
func (s *Store) segmentsPrefix(id checkpoint.ShardID) string {
	return s.subject(s.shardKey(id) + ".seg.")
}

func (s *Store) chunkSubject(id checkpoint.ShardID, segment string, chunk int) string {
	return s.segmentsPrefix(id) + segment + "." + strconv.Itoa(chunk)
}

// confirmed remembers that the server has acknowledged the revision.
func (s *Store) confirmed(id checkpoint.ShardID, revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = max(s.seen[id], revision)
}

func (s *Store) newestSeen(id checkpoint.ShardID) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[id]
}
