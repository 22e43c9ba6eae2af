package main

// How a run goes on that nobody drives: after a restart, or when a person asks something of it.

import (
	"encoding/json"
	"fmt"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// takeUpAll goes on with all runs that are not over: after a SIGTERM, a kill -9, a reboot.
func (r *rollouts) takeUpAll() error {
	runs, err := r.store.Runs("")
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Ended.IsZero() {
			r.takeUp(run.Run)
		}
	}
	return nil
}

// takeUp goes on with one run, unless somebody else drives it.
func (r *rollouts) takeUp(id string) {
	run, err := r.store.Resume(id, r.nip.Now())
	if err != nil {
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	drivers, err := r.driversOf(run)
	if err != nil {
		run.Close()
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	r.drive(run, drivers)
}

// driversOf opens the drivers that the run was planned with.
func (r *rollouts) driversOf(run *nipops.Run) (*nipops.Drivers, error) {
	settings, err := r.plannedDrivers(run)
	if err != nil {
		return nil, err
	}
	drivers, err := r.nip.NewDrivers()
	if err != nil {
		return nil, err
	}
	if err := drivers.Open(settings); err != nil {
		drivers.Close()
		return nil, err
	}
	return drivers, nil
}

// plannedDrivers finds the settings of the drivers in the journal, which has the whole plan.
func (r *rollouts) plannedDrivers(run *nipops.Run) (json.RawMessage, error) {
	records := r.store.Records(run.Subject(), 0)
	for records.Next() {
		var planned struct {
			Run  string
			Plan struct{ Drivers json.RawMessage }
		}
		if records.Record().Kind != "run.planned" {
			continue
		}
		if err := json.Unmarshal(records.Record().Payload, &planned); err != nil {
			return nil, err
		}
		if planned.Run == run.ID() {
			return planned.Plan.Drivers, nil
		}
	}
	if err := records.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the plan of %s is not in the journal", run.ID())
}

// request passes on what a person asks of a run, and takes the run up when nobody drives it.
func (r *rollouts) request(id string, kind nipops.RequestKind, who, why string) (nipops.Receipt, error) {
	receipt, err := r.store.Request(id, kind, who, why, r.nip.Now())
	if err != nil {
		return receipt, err
	}
	if !receipt.Driven {
		r.takeUp(receipt.Run)
	}
	r.bell.ring()
	return receipt, nil
}
