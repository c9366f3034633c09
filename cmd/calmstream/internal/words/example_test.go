package words_test

import (
	"fmt"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/words"
)

func ExampleAll() {
	for word := range words.All("Don't stop, Zürich 2024!") {
		fmt.Println(word)
	}
	// Output:
	// don
	// t
	// stop
	// zürich
	// 2024
}
