package wordcount

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Text renders results as uniq -c does: a line for each word, with the count before it, aligned to the right.
func Text(words []Result) ([]byte, error) {
	var out bytes.Buffer
	for _, w := range words {
		fmt.Fprintf(&out, "%7d %s\n", w.Value, w.Key)
	}
	return out.Bytes(), nil
}

// JSON renders results as one JSON object a line.
func JSON(words []Result) ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	for _, w := range words {
		if err := lines.Encode(w); err != nil {
			return nil, fmt.Errorf("wordcount: %w", err)
		}
	}
	return out.Bytes(), nil
}
