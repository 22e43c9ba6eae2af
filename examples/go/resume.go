package main

// How a run goes on that nobody drives: after a restart, or when a person asks something of it.

import nipops "github.com/libnipops/libnipops/bindings/go"

// takeUpAll goes on with all runs that are not over: after a SIGTERM, a kill -9, a reboot.
func (r *rollouts) takeUpAll() error {
	runs, err := r.store.Runs("")
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Outcome() == "" {
			r.takeUp(run.Run)
		}
	}
	return nil
}

// takeUp goes on with one run, unless somebody else drives it. Its drivers are those that it was planned with.
func (r *rollouts) takeUp(id string) {
	run, err := r.store.Resume(id, r.nip.Now())
	if err != nil {
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	drivers, err := r.nip.NewDrivers()
	if err != nil {
		run.Close()
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	r.drive(run, drivers)
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
