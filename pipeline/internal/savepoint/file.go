package savepoint

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

const (
	magic   = "CALMSAVE"
	version = 1
	hashLen = 8

	// maxFrame is the greatest length of a content: servers take no messages that are greater, and a chunk or a fence is one.
	maxFrame = 65 << 20
)

// kind is what a frame holds.
type kind byte

const (
	kindHeader kind = iota + 1
	kindChunk
	kindRange
	kindMessage
	kindRecord
	kindFence
	kindEnd
)

// ErrDamaged is wrapped by a DamagedError.
var ErrDamaged = errors.New("savepoint: the file is damaged")

// DamagedError says where a file is not what was written.
type DamagedError struct {
	// From and To are the offsets of the first byte of the damaged part and of the one behind it.
	From, To int64
	Reason   string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("savepoint: the file is damaged in bytes %d to %d: %s", e.From, e.To, e.Reason)
}

func (e *DamagedError) Unwrap() error { return ErrDamaged }

// Writer writes frames.
type Writer struct {
	to     io.Writer
	hash   [hashLen]byte
	frames uint64
	bytes  int64
	buf    []byte
}

// NewWriter writes the beginning of a file.
func NewWriter(to io.Writer) (*Writer, error) {
	w := &Writer{to: to}
	begin := append([]byte(magic), version)
	binary.LittleEndian.PutUint64(w.hash[:], xxhash.Sum64(begin))
	return w, w.write(begin)
}

func (w *Writer) write(b []byte) error {
	n, err := w.to.Write(b)
	w.bytes += int64(n)
	if err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	return nil
}

func (w *Writer) frame(k kind, content []byte) error {
	if len(content) > maxFrame {
		return fmt.Errorf("savepoint: a part of %d bytes is longer than the limit of %d", len(content), maxFrame)
	}
	w.buf = append(binary.AppendUvarint(append(w.buf[:0], byte(k)), uint64(len(content))), content...)
	w.hash = chain(w.hash, w.buf)
	w.buf = append(w.buf, w.hash[:]...)
	w.frames++
	return w.write(w.buf)
}

// Bytes returns how many bytes were written.
func (w *Writer) Bytes() int64 { return w.bytes }

func chain(before [hashLen]byte, frame ...[]byte) (after [hashLen]byte) {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(before[:]) // a hash in memory cannot fail
	for _, part := range frame {
		_, _ = d.Write(part)
	}
	binary.LittleEndian.PutUint64(after[:], d.Sum64())
	return after
}

// Reader reads frames.
type Reader struct {
	from   *bufio.Reader
	at     int64 // offset behind the last frame
	hash   [hashLen]byte
	frames uint64
	buf    bytes.Buffer
}

// NewReader reads the beginning of a file.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReaderSize(from, 64<<10)}
	begin := make([]byte, len(magic)+1)
	if n, err := io.ReadFull(r.from, begin); err != nil {
		return nil, r.short(int64(n), err)
	}
	switch {
	case string(begin[:len(magic)]) != magic:
		return nil, &DamagedError{To: int64(len(magic)), Reason: "this is not a savepoint"}
	case begin[len(magic)] != version:
		return nil, fmt.Errorf("savepoint: the file has version %d, this program reads version %d", begin[len(magic)], version)
	}
	r.at = int64(len(begin))
	binary.LittleEndian.PutUint64(r.hash[:], xxhash.Sum64(begin))
	return r, nil
}

// short is what an error of reading n bytes behind the last frame means.
func (r *Reader) short(n int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &DamagedError{From: r.at, To: r.at + n, Reason: "it ends there, and should not"}
	}
	return fmt.Errorf("savepoint: the file cannot be read behind byte %d: %w", r.at+n, err)
}

// next returns the next frame. The content is valid until the next call.
func (r *Reader) next() (kind, []byte, error) {
	head, length, err := r.head()
	if err != nil {
		return 0, nil, err
	}
	r.buf.Reset()
	// The buffer grows with what is there, not with what the length claims.
	n, err := io.CopyN(&r.buf, r.from, int64(length)+hashLen)
	to := r.at + int64(len(head)) + n
	if err != nil {
		return 0, nil, r.short(int64(len(head))+n, err)
	}
	content, sum := r.buf.Bytes()[:length], r.buf.Bytes()[length:]
	hash := chain(r.hash, head, content)
	if !bytes.Equal(hash[:], sum) {
		return 0, nil, &DamagedError{From: r.at, To: to, Reason: "the checksum does not hold"}
	}
	r.hash, r.at = hash, to
	r.frames++
	return kind(head[0]), content, nil
}

// head reads the kind and the length of a frame.
func (r *Reader) head() (head []byte, length uint64, err error) {
	for len(head) < 1+binary.MaxVarintLen64 {
		b, err := r.from.ReadByte()
		if err != nil {
			return nil, 0, r.short(int64(len(head)), err)
		}
		head = append(head, b)
		if len(head) > 1 && b < 0x80 {
			break
		}
	}
	length, n := binary.Uvarint(head[1:])
	if n != len(head)-1 || n > 1 && head[n] == 0 || length > maxFrame || head[0] < byte(kindHeader) || head[0] > byte(kindEnd) {
		return nil, 0, &DamagedError{From: r.at, To: r.at + int64(len(head)), Reason: "no part begins like this"}
	}
	return head, length, nil
}

// ended returns an error unless the file ends here.
func (r *Reader) ended() error {
	if _, err := r.from.ReadByte(); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return r.short(0, err)
	}
	return &DamagedError{From: r.at, To: r.at + 1, Reason: "the file goes on behind its end"}
}
