package jetstore_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
)

func TestMain(m *testing.M) { natstest.Main(m) }
