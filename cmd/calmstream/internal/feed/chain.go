package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// format is the version of the layout and of the digests.
const format = 1

// digest is a link of the chain: it vouches for a message and everything before it.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// chain computes the digests of messages one after the other.
type chain struct {
	last digest
	hash hash.Hash
}

// newChain starts a chain; its last digest is d(0).
func newChain(shards int) *chain {
	return &chain{last: sha256.Sum256(fmt.Appendf(nil, "calmstream feed %d %d", format, shards)), hash: sha256.New()}
}

// chunk appends a chunk and returns its digest.
func (c *chain) chunk(chunk []byte) digest {
	return c.link(number([]byte{'c'}, uint64(len(chunk))), chunk)
}

// end appends the end marker of a partition that holds count chunks and returns its digest.
func (c *chain) end(partition int, count uint64) digest {
	return c.link(number(number([]byte{'e'}, uint64(partition)), count), nil)
}

func (c *chain) link(head, body []byte) digest {
	c.hash.Reset()
	c.hash.Write(c.last[:])
	c.hash.Write(head)
	c.hash.Write(body)
	c.hash.Sum(c.last[:0])
	return c.last
}

func number(to []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(to, n) }
