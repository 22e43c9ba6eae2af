package nipops_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/libnipops/libnipops/bindings/go"
)

const document = `
rollout:
  app: shop
  artifact: "1.0.0"
  replicas: 3
  strategy: rolling
  target: {driver: sim, world: example}
  router: {driver: sim, world: example}
  health: {url: "http://{endpoint}/health", interval: 1s, timeout: 30s, successes: 2}
`

func Example() {
	ctx := context.Background()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	nip, err := nipops.New(nipops.WithVirtualClock(start)) // without the option: the real clock
	if err != nil {
		log.Fatal(err)
	}
	defer nip.Close()
	store, err := nip.OpenStore("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	drivers, err := nip.NewDrivers()
	if err != nil {
		log.Fatal(err)
	}
	defer drivers.Close()
	rollout, err := nipops.ParseDocument([]byte(document), "rollout.yaml")
	if err != nil {
		log.Fatal(err)
	}
	defer rollout.Close()

	release, err := store.Release("shop")
	if err != nil {
		log.Fatal(err)
	}
	observed, err := nip.Observe(ctx, rollout, drivers)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := nipops.PlanRollout(rollout, release, observed)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	run, err := store.Start(plan, nip.Now())
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	result, err := run.Wait(ctx, drivers)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.ID(), result.Outcome())
	// Output: shop-1 succeeded
}

// lamp is a driver of the host: a lamp that can be switched.
type lamp struct{ on bool }

func (l *lamp) Class(verb string) (nipops.VerbClass, error) {
	if verb == "switch" {
		return nipops.VerbDeclarative, nil // states a wanted end, so it may be repeated
	}
	return 0, nipops.ErrUnsupported
}

func (l *lamp) Do(ctx context.Context, action *nipops.Action) nipops.Outcome {
	if action.Settles { // after a crash: did it take effect?
		if l.on {
			return nipops.Settled(nipops.InForce, nil)
		}
		return nipops.Settled(nipops.NotYet, nil)
	}
	l.on = true
	return nipops.Done(map[string]bool{"on": true})
}

const lampPlan = `{"v":1,"kind":"plan","subject":"lamp","title":"light the lamp","steps":[{"id":"light","title":"switch it on",
	"actions":[{"role":"lamp","verb":"switch","class":"declarative","args":{"on":true}}]}]}`

func ExampleDriver() {
	nip, err := nipops.New()
	if err != nil {
		log.Fatal(err)
	}
	defer nip.Close()
	store, err := nip.OpenStore("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	drivers, err := nip.NewDrivers()
	if err != nil {
		log.Fatal(err)
	}
	defer drivers.Close()
	if err := drivers.Bind("lamp", &lamp{}); err != nil {
		log.Fatal(err)
	}
	plan, err := nipops.ParsePlan([]byte(lampPlan))
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	run, err := store.Start(plan, nip.Now())
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()

	op, err := run.Drive(drivers)
	if err != nil {
		log.Fatal(err)
	}
	defer op.Close()
	for op.Next(context.Background()) {
		fmt.Println(op.Event().Kind)
	}
	if err := op.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Outcome())
	// Output:
	// run.planned
	// run.started
	// step.started
	// action.intended
	// action.completed
	// step.acted
	// step.done
	// run.ended
	// succeeded
}

// A host may carry out a run's actions itself, without drivers and at its own pace.
func ExampleRun_Next() {
	nip, err := nipops.New()
	if err != nil {
		log.Fatal(err)
	}
	defer nip.Close()
	store, err := nip.OpenStore("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	plan, err := nipops.ParsePlan([]byte(lampPlan))
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	run, err := store.Start(plan, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	for {
		step, err := run.Next(time.Now())
		if err != nil {
			log.Fatal(err)
		}
		if step.Done {
			break
		}
		if step.Action == nil {
			time.Sleep(time.Until(step.Until))
			continue
		}
		fmt.Println(step.Action.Role, step.Action.Verb, string(step.Action.Args))
		if err := run.Complete(time.Now(), step.Action.ID, nipops.Done(nil)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(run.Outcome())
	// Output:
	// lamp switch {"on":true}
	// succeeded
}

func ExampleError() {
	_, err := nipops.ParseDocument([]byte("rollout: [1, 2"), "rollout.yaml")
	var failure *nipops.Error
	if errors.Is(err, nipops.ErrSyntax) && errors.As(err, &failure) {
		fmt.Println(failure.Name, failure.File, failure.Line)
	}
	// Output: NIP_E_SYNTAX rollout.yaml 1
}

func ExampleStore_Records() {
	nip, err := nipops.New()
	if err != nil {
		log.Fatal(err)
	}
	defer nip.Close()
	store, err := nip.OpenStore("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	for _, text := range []string{`{"text":"disk replaced"}`, `{"text":"back in service"}`} {
		if _, err := store.Append("db-1", nipops.AnySequence, "note.written", time.Now(), []byte(text)); err != nil {
			log.Fatal(err)
		}
	}
	records := store.Records("db-1", 0)
	for records.Next() {
		fmt.Println(records.Record().Sequence, string(records.Record().Payload))
	}
	if err := records.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 {"text":"disk replaced"}
	// 2 {"text":"back in service"}
}
