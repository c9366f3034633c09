package emit

// Exists is exported to its test.
var Exists = exists
