package engine

// Patiently, with FewAttempts or ForEver, is exported to its test.
var Patiently = patiently

// Distinct is exported to its test.
var Distinct = distinct

// See patiently.
const (
	FewAttempts = fewAttempts
	ForEver     = forEver
)
