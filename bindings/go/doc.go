// Package nipops is production operations as a library: safe rollouts, health checks, journals. It is a thin layer over
// the C library libnipops, which decides; this package adds what Go wants.
//
// The main job:
//
//	nip, err := nipops.New(nipops.WithStateDir("state.db.d"))            // what drivers remember, beside the store
//	store, err := nip.OpenStore("sqlite:state.db")                       // the journal is the truth
//	drivers, err := nip.NewDrivers()                                     // opened as the document says
//	document, err := nipops.LoadDocument("rollout.yaml")
//	release, err := store.Release("shop")                                // what is released now
//	observed, err := nip.Observe(ctx, document, drivers)                 // how things stand
//	plan, err := nipops.PlanRollout(document, release, observed)         // pure: nothing was done yet
//	run, err := store.Start(plan, nip.Now())                             // takes the lease, journals the plan
//	result, err := run.Wait(ctx, drivers)                                // result.Outcome(): "succeeded", "returned", ...
//
// A rollout that was taken back is a result, not an error. An error says that something could not be done or could not
// be carried on.
//
// # Service levels
//
// A document of kind "sla" says what was promised of a service; what was measured comes from slices of the host's, from
// files, or from Prometheus:
//
//	levels := nipops.NewServiceLevels(store, document)
//	added, err := levels.AddEvents(nipops.Measured{Indicator: "requests", Now: nip.Now()}, times, good, bad)
//	result, err := levels.Collect(ctx, nip, time.Time{}, time.Time{}, 0) // from Prometheus, since the last time
//	report, err := levels.Report("2026-03", nip.Now(), nipops.AllRecords)
//	text, err := nipops.ServiceLevelReportText(report, "markdown")
//
// Slices are read where they are, without a copy, and not kept.
//
// # Ownership
//
// Whatever New, Open..., Load..., Parse..., Plan..., Start... and Drive return is closed with Close, in any order, more
// than once if need be. What borrows keeps alive what it borrows: a run its store, an operation its run and its
// drivers. A closed object answers ErrClosed; the memory behind it goes when the last borrower is closed. Nothing is
// closed by the garbage collector. All values that are returned are copies: they stay valid for ever.
//
// # Goroutines
//
// Everything may be called by any goroutine. Calls that touch the same object take turns; none holds an object while it
// waits, so that a store, for example, serves many runs and requests at once. A waiting operation costs no OS thread.
// Close waits for a goroutine that is inside Next or Wait of the same operation, after it has cancelled it.
//
// # Contexts and signals
//
// When the context.Context of a call ends, the operation is cancelled, what is under way is let go, and the call
// returns within moments an error that is both ErrCancelled and the context's own (errors.Is). The run is then as if
// its process had been stopped in good order: Close it, and Store.Resume takes it up, in this process or in another. So
// a program that wants to end well on SIGTERM needs no more than
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//
// A process that is killed loses nothing either; what it had begun is settled by whoever resumes. The library installs
// no signal handler, and waits only for children of its own.
//
// # Drivers of the host
//
// A Driver carries out actions on a system that the library does not know. Each action runs in a goroutine of its own,
// with no lock held, and may wait as long as it likes; a panic in it fails the action, and the run turns back. With a
// virtual clock (WithVirtualClock) the clock stands still while such a goroutine works.
package nipops
