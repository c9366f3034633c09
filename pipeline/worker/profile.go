package worker

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"
)

// maxProfile is the longest profile of the processor, in seconds.
const maxProfile = 120

// profiles adds /debug/pprof/ for go tool pprof. It does without net/http/pprof, the import of which would add the same pages to
// the default server of every program that uses this package.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/profile", profileCPU)
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		profile := pprof.Lookup(r.PathValue("name"))
		if profile == nil {
			http.NotFound(w, r)
			return
		}
		level, _ := strconv.Atoi(r.FormValue("debug")) // no number means the binary format, as 0 does
		if level == 0 {
			w.Header().Set("Content-Type", "application/octet-stream")
		} else {
			w.Header().Set("Content-Type", plainText)
		}
		_ = profile.WriteTo(w, level) // whoever asked has gone
	})
}

func profileCPU(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil || seconds <= 0 {
		seconds = 30
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := pprof.StartCPUProfile(w); err != nil {
		w.Header().Set("Content-Type", plainText)
		http.Error(w, fmt.Sprintf("no profile: %v", err), http.StatusConflict)
		return
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(time.Duration(min(seconds, maxProfile)) * time.Second):
	case <-r.Context().Done():
	}
}
