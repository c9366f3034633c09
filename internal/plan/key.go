package plan

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Key is the constraint on keys: ordered, comparable with ==, with one canonical encoding. Floating-point numbers are
// left out (NaN is not equal to itself), and so are pointers, which mean nothing to another process.
type Key interface {
	~string |
		~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// MaxKeyBytes is the length of the longest key. A record with a longer one is rejected. Keys stand in exchange records, in
// checkpoints and usually in results, each of which has to fit a message of 1 MiB, the default of servers.
const MaxKeyBytes = 384 << 10

// MaxRecordBytes is the length of the longest record of an exchange: key, times and contribution. It fits a message of
// 1 MiB with all that stands around it.
const MaxRecordBytes = 768 << 10

// KeyCodec is the canonical encoding of keys of type K: the bytes of a string, eight bytes big-endian for
// an integer. It is chosen once for the type, so that using it costs one indirect call.
type KeyCodec[K Key] struct {
	// Append appends the encoding of k to b.
	Append func(b []byte, k K) []byte
	// Decode reads a key back from the whole of data.
	Decode func(data []byte) (K, error)
	// Text is the form for people and headers.
	Text func(k K) string
	// Size returns the length of the encoding.
	Size func(k K) int
	// Own returns the key as something to keep: it is not a part of a longer text, which would have to stay with it.
	Own func(k K) K
}

// KeyCodecOf returns the codec for K.
func KeyCodecOf[K Key]() KeyCodec[K] {
	switch kind := reflect.TypeFor[K]().Kind(); kind {
	case reflect.String:
		return stringKeys[K]()
	case reflect.Int, reflect.Int64:
		return integerKeys[K](func(k K) uint64 { return uint64(*(*int64)(unsafe.Pointer(&k))) },
			func(v uint64) (k K) { *(*int64)(unsafe.Pointer(&k)) = int64(v); return k }, true)
	case reflect.Int32:
		return integerKeys[K](func(k K) uint64 { return uint64(int64(*(*int32)(unsafe.Pointer(&k)))) },
			func(v uint64) (k K) { *(*int32)(unsafe.Pointer(&k)) = int32(v); return k }, true)
	case reflect.Int16:
		return integerKeys[K](func(k K) uint64 { return uint64(int64(*(*int16)(unsafe.Pointer(&k)))) },
			func(v uint64) (k K) { *(*int16)(unsafe.Pointer(&k)) = int16(v); return k }, true)
	case reflect.Int8:
		return integerKeys[K](func(k K) uint64 { return uint64(int64(*(*int8)(unsafe.Pointer(&k)))) },
			func(v uint64) (k K) { *(*int8)(unsafe.Pointer(&k)) = int8(v); return k }, true)
	case reflect.Uint32:
		return integerKeys[K](func(k K) uint64 { return uint64(*(*uint32)(unsafe.Pointer(&k))) },
			func(v uint64) (k K) { *(*uint32)(unsafe.Pointer(&k)) = uint32(v); return k }, false)
	case reflect.Uint16:
		return integerKeys[K](func(k K) uint64 { return uint64(*(*uint16)(unsafe.Pointer(&k))) },
			func(v uint64) (k K) { *(*uint16)(unsafe.Pointer(&k)) = uint16(v); return k }, false)
	case reflect.Uint8:
		return integerKeys[K](func(k K) uint64 { return uint64(*(*uint8)(unsafe.Pointer(&k))) },
			func(v uint64) (k K) { *(*uint8)(unsafe.Pointer(&k)) = uint8(v); return k }, false)
	default: // uint, uint64: the constraint leaves no other
		return integerKeys[K](func(k K) uint64 { return *(*uint64)(unsafe.Pointer(&k)) },
			func(v uint64) (k K) { *(*uint64)(unsafe.Pointer(&k)) = v; return k }, false)
	}
}

// A generic function cannot switch on the underlying type of a named type parameter, and reflection
// would allocate for each key; so the codecs look at the key through a pointer of its underlying type,
// which the Kind above has established. Each does so by itself: a pointer handed to a shared function would make the
// key escape to the heap.

func stringKeys[K Key]() KeyCodec[K] {
	return KeyCodec[K]{
		Append: func(b []byte, k K) []byte { return append(b, *(*string)(unsafe.Pointer(&k))...) },
		Decode: func(data []byte) (k K, err error) {
			*(*string)(unsafe.Pointer(&k)) = string(data)
			return k, nil
		},
		Text: func(k K) string { return *(*string)(unsafe.Pointer(&k)) },
		Size: func(k K) int { return len(*(*string)(unsafe.Pointer(&k))) },
		Own: func(k K) K {
			*(*string)(unsafe.Pointer(&k)) = strings.Clone(*(*string)(unsafe.Pointer(&k)))
			return k
		},
	}
}

func integerKeys[K Key](get func(K) uint64, set func(uint64) K, signed bool) KeyCodec[K] {
	return KeyCodec[K]{
		Append: func(b []byte, k K) []byte { return binary.BigEndian.AppendUint64(b, get(k)) },
		Decode: func(data []byte) (k K, err error) {
			if len(data) != 8 {
				return k, fmt.Errorf("plan: an integer key has 8 bytes, not %d", len(data))
			}
			v := binary.BigEndian.Uint64(data)
			if k = set(v); get(k) != v {
				return k, errors.New("plan: integer key out of the range of its type")
			}
			return k, nil
		},
		Text: func(k K) string {
			if signed {
				return strconv.FormatInt(int64(get(k)), 10)
			}
			return strconv.FormatUint(get(k), 10)
		},
		Size: func(K) int { return 8 },
		Own:  func(k K) K { return k },
	}
}

// ParseKey reads a key from its form for people.
func ParseKey[K Key](text string) (key K, err error) {
	codec, data := KeyCodecOf[K](), []byte(text)
	switch kind := reflect.TypeFor[K](); kind.Kind() {
	case reflect.String:
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		data = binary.BigEndian.AppendUint64(nil, uint64(n))
	default:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 64)
		data = binary.BigEndian.AppendUint64(nil, n)
	}
	if err != nil {
		return key, fmt.Errorf("plan: the keys are integers, and %q is none: %w", text, err)
	}
	return codec.Decode(data)
}

// Partition returns the partition, of n, that owns the key with the given canonical encoding.
func Partition(key []byte, n int) int {
	if n <= 1 {
		return 0
	}
	return int(xxhash.Sum64(key) % uint64(n))
}

// longestToken is where keys are hashed instead of encoded: NATS handles long subjects badly.
const longestToken = 128

// KeyToken renders the text of a key as one subject token, also fit for KV keys. Plain keys stay readable;
// others are base64url behind '=', and long ones are hashed (128 bits) behind '=='. Plain keys cannot begin with
// '=', so the three forms never collide; the empty key is "=".
func KeyToken(text string) string {
	if plain(text) && len(text) <= longestToken {
		return text
	}
	if len(text) <= longestToken {
		return "=" + base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	high := xxhash.NewWithSeed(1)
	_, _ = high.WriteString(text)
	return fmt.Sprintf("==%016x%016x", high.Sum64(), xxhash.Sum64String(text))
}

func plain(text string) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
