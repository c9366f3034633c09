package engine

// Patiently, with FewAttempts or ForEver, is exported to its test.
var Patiently = patiently

// See patiently.
const (
	FewAttempts = fewAttempts
	ForEver     = forEver
)
