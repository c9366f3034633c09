//go:build race || invariants

package invariants_test

const wantEnabled = true
