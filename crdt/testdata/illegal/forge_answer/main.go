// Command illegal breaks one rule of the query model, and must not compile: an answer is made without a query.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	_ = crdt.Answer[int]{value: 5, verdict: crdt.Final}
}
