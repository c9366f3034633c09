// Command codecs measures how large the encodings of crdt are and how long they take, against gob, JSON and msgpack on the same values,
// and prints the tables of docs/performance.md. The others encode what a Go programmer would write for the value: slices and maps.
//
// Each encoding starts with nothing, as that of a value that is stored or sent alone: gob describes its types each time.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	window := flag.Duration("window", 2*time.Second, "how long a measurement takes")
	flag.Parse()
	for _, v := range values() {
		if err := report(v, *window); err != nil {
			fmt.Fprintln(os.Stderr, "codecs:", err)
			os.Exit(1)
		}
	}
}

// report prints the table of one value. The columns × are ratios to crdt.
func report(v value, window time.Duration) error {
	fmt.Printf("### %s\n\n", v.name)
	fmt.Println("| codec | bytes | × | encode | × | decode | × |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	var size, encode, decode float64
	for i, c := range v.codecs {
		data, err := c.encode()
		if err != nil {
			return fmt.Errorf("%s of %s: %w", c.name, v.name, err)
		}
		if err := c.decode(data); err != nil {
			return fmt.Errorf("%s of %s: %w", c.name, v.name, err)
		}
		s := float64(len(data))
		e := measure(window, func() { _, _ = c.encode() }) // it was right once
		d := measure(window, func() { _ = c.decode(data) })
		if i == 0 {
			size, encode, decode = s, e, d
		}
		fmt.Printf("| %s | %d | %.2f | %s | %.2f | %s | %.2f |\n", c.name, len(data), s/size, short(e), e/encode, short(d), d/decode)
	}
	fmt.Println()
	return nil
}

// measure returns how many seconds f takes: the least of many short runs, since what disturbs a run only makes it longer.
func measure(window time.Duration, f func()) float64 {
	const run = time.Millisecond
	batch := 1
	var least float64
	for begin := time.Now(); ; {
		start := time.Now()
		for range batch {
			f()
		}
		took := time.Since(start)
		if each := took.Seconds() / float64(batch); least == 0 || each < least {
			least = each
		}
		if took < run {
			batch *= 2
		}
		if time.Since(begin) >= window {
			return least
		}
	}
}

// short shows seconds with three digits.
func short(seconds float64) string {
	switch ns := seconds * 1e9; {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e4:
		return fmt.Sprintf("%.2f µs", ns/1e3)
	case ns < 1e5:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case ns < 1e6:
		return fmt.Sprintf("%.0f µs", ns/1e3)
	default:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
}
