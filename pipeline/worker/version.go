package worker

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// module is the path of this module in the build information.
const module = "github.com/calmstream/calmstream"

// build is what the binary knows of its origin.
type build struct {
	program, library, revision, goVersion string
}

// readBuild reads the build information. What is not known is "unknown".
func readBuild() build {
	b := build{goVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.program = info.Main.Version
		if info.Main.Path == module {
			b.library = info.Main.Version
		}
		for _, dep := range info.Deps {
			if dep.Path == module {
				b.library = dep.Version
			}
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.revision = setting.Value
			}
		}
	}
	b.program, b.library, b.revision = cmp.Or(b.program, "unknown"), cmp.Or(b.library, "unknown"), cmp.Or(b.revision, "unknown")
	return b
}

func (b build) String() string {
	return fmt.Sprintf("%s, calmstream %s, revision %s, %s", b.program, b.library, b.revision, b.goVersion)
}
