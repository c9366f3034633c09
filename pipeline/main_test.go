package pipeline_test

import (
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
)

// patience is how long a run to the end may take: only a test that is about to fail waits so long, or one on a machine
// that is busy.
const patience = 3 * time.Minute

func TestMain(m *testing.M) { natstest.Main(m) }
