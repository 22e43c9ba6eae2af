// Runs one scenario: runner SCENARIO STATE-FOLDER [--resume]..., one --resume for each process that died before.
// tests/scenario/README.md describes the form.
package main

import (
	"encoding/json"
	"os"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// runner is one scenario under way; plan, release and observed are what the latest command left.
type runner struct {
	scenario scenario
	crashes  int       // how many processes died before this one
	start    time.Time // the scenario's clock
	nip      *nipops.Context
	store    *nipops.Store
	drivers  *nipops.Drivers
	plan     *nipops.Plan
	release  json.RawMessage
	observed json.RawMessage
}

func readScenario(path string) scenario {
	document := must(nipops.LoadDocument(path))
	defer document.Close()
	return read[scenario](must(document.JSON()))
}

func hasCrashes(command map[string]json.RawMessage) []crash {
	if text, isRun := command["run"]; isRun {
		return read[said](text).Crashes
	}
	return nil
}

// firstInstant is where the clock stands when this process begins: one that takes up what another one left does so at a
// stated instant.
func (r *runner) firstInstant() time.Time {
	if r.crashes == 0 {
		return r.start
	}
	for _, command := range r.scenario.Do {
		if crashes := hasCrashes(command); crashes != nil {
			return r.start.Add(duration(crashes[r.crashes-1].Resume))
		}
	}
	die("nothing in this scenario crashes")
	return r.start
}

func newRunner(scenario scenario, folder string, crashes int) *runner {
	r := &runner{scenario: scenario, crashes: crashes, start: must(nipops.ParseTime(scenario.Clock))}
	seed, url := int64(1), "memory:"
	if scenario.Seed != nil {
		seed = *scenario.Seed
	}
	if scenario.Store == "sqlite" {
		url = "sqlite:" + folder + "/store.db"
	}
	r.nip = must(nipops.New(nipops.WithSeed(seed), nipops.WithVirtualClock(r.firstInstant())))
	r.store = must(r.nip.OpenStore(url))
	r.drivers = must(r.nip.NewDrivers())
	return r
}

// carryOut: a process that takes up what another one left begins where that one died.
func (r *runner) carryOut() {
	passed := r.crashes == 0
	for _, command := range r.scenario.Do {
		passed = passed || hasCrashes(command) != nil
		if passed {
			r.command(command)
		}
	}
	if r.scenario.Subject != "" {
		line("== end")
		report(r.store, r.scenario.Subject)
	}
}

func (r *runner) close() {
	r.plan.Close()
	r.drivers.Close()
	r.store.Close()
	r.nip.Close()
}

func main() {
	if len(os.Args) < 3 {
		die("usage: runner SCENARIO STATE-FOLDER [--resume]...")
	}
	r := newRunner(readScenario(os.Args[1]), os.Args[2], len(os.Args)-3)
	line("clock %s", instant(r.nip.Now()))
	r.carryOut()
	r.close()
	must(0, output.Flush())
}
