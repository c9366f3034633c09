package feed

import (
	"io"
	"os"
)

// Input is one file of the input, or something like it.
type Input struct {
	// Name is what errors call the input. It is not stored.
	Name string
	// Open starts reading the input from its beginning. It is called when the inputs before have been read, at
	// most once for each Feed. The reader is closed once, also while a Read is under way: when the context of Feed
	// ends. A Read that does not return then holds Feed up.
	Open func() (io.ReadCloser, error)
}

// File is the file at path, or standard input if path is "-".
func File(path string) Input {
	if path == "-" {
		return Input{Name: "standard input", Open: func() (io.ReadCloser, error) { return abandonable(os.Stdin), nil }}
	}
	return Input{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// abandonable lets go of a reader whose Read cannot be interrupted, as that of a terminal. Close returns at
// once, and makes Read return; the goroutine it leaves behind ends with the Read that it is in.
func abandonable(from io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, from)
		in.CloseWithError(err) // nil is the end
	}()
	return out
}
