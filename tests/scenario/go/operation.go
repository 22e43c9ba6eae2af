package main

// A run driven by an operation under the virtual clock: by the built-in simulated world, or by a driver of the host's
// own.

import (
	"context"
	"fmt"
	"sync"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// host is the host's own driver: it answers at once. Its actions are shown when the run is over, since they come in
// goroutines.
type host struct {
	drive   *drive
	mutex   sync.Mutex
	actions []*nipops.Action
}

// Class is what the scenario says.
func (h *host) Class(verb string) (nipops.VerbClass, error) {
	classes := map[string]nipops.VerbClass{"read": nipops.VerbRead, "declarative": nipops.VerbDeclarative, "once": nipops.VerbOnce}
	class, known := classes[h.drive.said.Classes[verb]]
	if !known {
		return 0, fmt.Errorf("no verb %s", verb)
	}
	return class, nil
}

// Do answers by the scenario's table.
func (h *host) Do(_ context.Context, action *nipops.Action) nipops.Outcome {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.actions = append(h.actions, action)
	rule := h.drive.findRule(action, payload{})
	if rule == nil || rule.Answer == nil {
		return nipops.Failed("unsupported", "the scenario has no answer")
	}
	return rule.Answer.outcome()
}

func (h *host) show() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, action := range h.actions {
		printAction(action)
	}
}

func driveWithHost(d *drive) error {
	drivers, err := d.runner.nip.NewDrivers()
	if err != nil {
		return err
	}
	defer drivers.Close()
	own := &host{drive: d}
	defer own.show()
	for _, role := range d.said.Roles {
		if err := drivers.Bind(role, own); err != nil {
			return err
		}
	}
	return driveOperation(d, drivers)
}

// driveWithWorld: drivers of the simulated world are the scenario's, since that world lives as long as they do.
func driveWithWorld(d *drive) error {
	return driveOperation(d, d.runner.drivers)
}

func driveOperation(d *drive, drivers *nipops.Drivers) error {
	op, err := d.run.Drive(drivers)
	if err != nil {
		return err
	}
	defer op.Close()
	for op.Next(context.Background()) {
		d.seeRecord(op.Event(), d.runner.nip.Now())
		if d.leaves {
			op.Cancel()
		}
	}
	if err := op.Err(); err != nil {
		return err
	}
	result, err := op.RunResult()
	if err != nil {
		return err
	}
	printStatus(result)
	return nil
}
