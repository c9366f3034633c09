package plain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// packages begin the texts of their errors with their names, as libraries do. A person reads on where the text begins.
var packages = regexp.MustCompile(`(^|: |\()(?:(?:adclicks|checkpoint|crdt|embedded|emit|engine|exchange|feed|jetstore|operators|` +
	`pipeline|plan|savepoint|shard|sinks|source|store|wordcount): )+`)

// another is what the pipelines of a library are advised to do in order to begin anew.
const another = "declare a new Version of the pipeline to begin anew"

// Sentence renders an error in one line, with its whole chain of causes. anew says how the user of this command begins anew.
// Parts that fail for different reasons say so one after the other; the first is told.
func Sentence(err error, anew string) string {
	lines := slices.DeleteFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	if len(lines) == 0 {
		return "it failed, and no reason was given"
	}
	text := strings.ReplaceAll(packages.ReplaceAllString(lines[0], "$1"), another, anew)
	if len(lines) > 1 {
		text += fmt.Sprintf(" (and %d more like it)", len(lines)-1)
	}
	return text
}
