package nipops

// The test binary is also what some tests run as another process; and at its end nothing may be left.

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if errand := os.Getenv("NIPOPS_TEST_ERRAND"); errand != "" {
		os.Exit(runErrand(errand))
	}
	status := m.Run()
	if leaksFound() {
		fmt.Fprintln(os.Stderr, "memory of the C library leaked")
		status = 1
	}
	os.Exit(status)
}
