package main

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/calmstream/calmstream/crdt"
	"github.com/vmihailenco/msgpack/v5"
)

// value is something to encode, in the ways of several codecs, ours first.
type value struct {
	name   string
	codecs []codec
}

type codec struct {
	name   string
	encode func() ([]byte, error)
	decode func([]byte) error
}

// values are the same each time.
func values() []value {
	r := rand.New(rand.NewPCG(1, 1))
	return []value{strings(), numbers(r), counter(r), counters(r)}
}

func strings() value {
	var set crdt.GSet[string]
	var plain []string
	for i := range 1000 {
		x := fmt.Sprintf("user-%06d", i*7919)
		set.Add(x)
		plain = append(plain, x)
	}
	return value{"A set of 1,000 strings of 11 bytes (`GSet[string]`, `[]string`)", all(&set, plain)}
}

func numbers(r *rand.Rand) value {
	var set crdt.GSet[uint64]
	var plain []uint64
	for range 1000 {
		x := r.Uint64N(1_000_000_000)
		set.Add(x)
		plain = append(plain, x)
	}
	return value{"A set of 1,000 numbers below 10^9 (`GSet[uint64]`, `[]uint64`)", all(&set, plain)}
}

func counter(r *rand.Rand) value {
	var c crdt.GCounter
	plain := map[string]uint64{}
	for shard := range 16 {
		origin, n := fmt.Sprintf("shard-%02d", shard), r.Uint64N(1_000_000)
		c.Add(origin, n)
		plain[origin] = n
	}
	return value{"A counter with 16 origins (`GCounter`, `map[string]uint64`)", all(&c, plain)}
}

func counters(r *rand.Rand) value {
	var m crdt.Map[string, crdt.GCounter, *crdt.GCounter]
	plain := map[string]map[string]uint64{}
	for i := range 10_000 {
		key, origin, n := fmt.Sprintf("campaign-%05d", i), fmt.Sprintf("shard-%02d", i%16), r.Uint64N(100_000)
		var c crdt.GCounter
		c.Add(origin, n)
		m.Update(key, c)
		plain[key] = map[string]uint64{origin: n}
	}
	return value{"A map of 10,000 counters with one origin each (`Map[string, GCounter]`, `map[string]map[string]uint64`)", all(&m, plain)}
}

// all returns the codecs for a lattice and for what it is without one.
func all[L any, P crdt.Lattice[L], T any](lattice *L, plain T) []codec {
	return []codec{
		{
			"crdt",
			func() ([]byte, error) { return P(lattice).AppendBinary(nil) },
			func(data []byte) error { return P(new(L)).UnmarshalBinary(data) },
		},
		{
			"gob",
			func() ([]byte, error) {
				var b bytes.Buffer
				err := gob.NewEncoder(&b).Encode(plain)
				return b.Bytes(), err
			},
			func(data []byte) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(new(T)) },
		},
		{
			"JSON",
			func() ([]byte, error) { return json.Marshal(plain) },
			func(data []byte) error { return json.Unmarshal(data, new(T)) },
		},
		{
			"msgpack",
			func() ([]byte, error) { return msgpack.Marshal(plain) },
			func(data []byte) error { return msgpack.Unmarshal(data, new(T)) },
		},
	}
}
