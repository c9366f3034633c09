package exact_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt/exact"
)

// Two shards add what they see; what they know of each other may arrive twice.
func ExampleSum() {
	var here, there exact.Sum
	here.Add("shard-0", 10)
	here.Add("shard-0", -4)
	there.Add("shard-1", -1)
	here.Merge(&there)
	here.Merge(&there)
	sum, _ := here.Int64()
	mean, _ := here.Mean()
	fmt.Println(sum, here.Count(), mean)
	fmt.Println(exact.SubtractedAtLeast(5).Holds(&here))
	// Output:
	// 5 3 1.6666666666666667
	// true
}

func ExampleDecimalSum() {
	var revenue exact.DecimalSum[cents] // type cents struct{}; func (cents) Digits() int { return 2 }
	for _, text := range []string{"0.10", "0.20", "-1000000000000000000.30"} {
		price, err := exact.ParseDecimal[cents](text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		revenue.Add("shard-0", price)
	}
	sum, ok := revenue.Value()
	fmt.Println(sum, ok)
	// Output: -1000000000000000000.00 true
}

// What is rounded after each addition depends on the order; what is rounded once does not.
func ExampleFloatSum() {
	terms := []float64{1e16, 1, -1e16}
	var plain float64
	var sum exact.FloatSum
	for _, term := range terms {
		plain += term
		sum.Take("shard-0", term)
	}
	fmt.Println(plain, sum.Value())
	// Output: 0 1
}
