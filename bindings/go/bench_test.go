package nipops

// What crossing costs. go test -bench . -run '^$'

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func BenchmarkBareCall(b *testing.B) {
	plan := must(ParsePlan(manyActions(1)))(b)
	defer plan.Close()
	for i := 0; i < b.N; i++ {
		cPlanSteps(plan.c)
	}
}

func BenchmarkNow(b *testing.B) {
	w := newWorld(b, "memory:", simulated("go-bench", ""))
	for i := 0; i < b.N; i++ {
		w.nip.Now()
	}
}

func BenchmarkGuardedCall(b *testing.B) {
	_, run := startDoor(b, &door{}, "1h")
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		run.Sequence()
	}
}

// The library only skips the blanks.
func BenchmarkCallWithKibibyte(b *testing.B) {
	w := newWorld(b, "memory:", simulated("go-bench", ""))
	blanks := []byte("{" + strings.Repeat(" ", 1022) + "}")
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		check(b, w.drivers.Open(blanks))
	}
}

func BenchmarkError(b *testing.B) {
	for i := 0; i < b.N; i++ {
		if _, err := ParseDuration("nonsense"); err == nil {
			b.Fatal("no error")
		}
	}
}

// manyActions is a plan of single actions, one a step.
func manyActions(count int) []byte {
	var steps []string
	for i := 0; i < count; i++ {
		steps = append(steps, fmt.Sprintf(
			`{"id":"s%d","title":"switch",`+
				`"actions":[{"role":"lamp","verb":"switch","class":"declarative","args":{"on":true}}]}`, i))
	}
	return []byte(`{"v":1,"kind":"plan","subject":"lamp","title":"switch it often","steps":[` +
		strings.Join(steps, ",") + `]}`)
}

// The cost of one action: intent, outcome and three records around them in a store in memory.
func BenchmarkNextAndComplete(b *testing.B) {
	const count = 1000
	plan := must(ParsePlan(manyActions(count)))(b)
	defer plan.Close()
	w := newWorld(b, "memory:", simulated("go-bench", ""))
	outcome := Done(map[string]bool{"on": true})
	b.ResetTimer()
	for done := 0; done < b.N; done += count {
		run := must(w.store.Start(plan, began))(b)
		for {
			step := must(run.Next(began))(b)
			if step.Done {
				break
			}
			check(b, run.Complete(began, step.Action.ID, outcome))
		}
		run.Close()
	}
}

// The same with a driver of the host, that is with a goroutine for each action.
func BenchmarkActionOfOwnDriver(b *testing.B) {
	const count = 1000
	plan := must(ParsePlan(manyActions(count)))(b)
	defer plan.Close()
	w := newWorld(b, "memory:", simulated("go-bench", ""))
	check(b, w.drivers.Bind("lamp", lampDriver{}))
	b.ResetTimer()
	for done := 0; done < b.N; done += count {
		run := must(w.store.Start(plan, w.nip.Now()))(b)
		must(run.Wait(context.Background(), w.drivers))(b)
		run.Close()
	}
}

type lampDriver struct{}

func (lampDriver) Class(string) (VerbClass, error)         { return VerbDeclarative, nil }
func (lampDriver) Do(_ context.Context, _ *Action) Outcome { return Done(nil) }

func BenchmarkThousandRecords(b *testing.B) {
	w := newWorld(b, "memory:", simulated("go-bench", ""))
	fill(b, w.store, "shop", 1000)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		records := w.store.Records("shop", 0)
		for records.Next() {
		}
		check(b, records.Err())
	}
}

func mebibyte() []byte {
	return []byte(`{"rollout":{"app":"shop","note":"` + strings.Repeat("x", 1<<20) + `"}}`)
}

func BenchmarkMebibyteIn(b *testing.B) {
	text := mebibyte()
	b.SetBytes(int64(len(text)))
	for i := 0; i < b.N; i++ {
		document := must(ParseDocument(text, ""))(b)
		document.Close()
	}
}

func BenchmarkMebibyteOut(b *testing.B) {
	text := mebibyte()
	document := must(ParseDocument(text, ""))(b)
	defer document.Close()
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		must(document.JSON())(b)
	}
}

// A whole simulated day, driven from Go and inside the library.
func BenchmarkSimulatedDay(b *testing.B) {
	ways := map[string]func(op *Operation) error{
		"Wait":      func(op *Operation) error { return op.Wait(context.Background()) },
		"RunInside": func(op *Operation) error { return op.RunInside() },
	}
	for name, way := range ways {
		b.Run(name, func(b *testing.B) {
			plan := must(ParsePlan([]byte(
				`{"v":1,"kind":"plan","subject":"lamp","title":"wait","steps":[{"id":"w","title":"wait","wait":"24h"}]}`)))(b)
			defer plan.Close()
			for i := 0; i < b.N; i++ {
				w := newWorld(b, "memory:", simulated("go-bench", ""), WithVirtualClock(began))
				run := must(w.store.Start(plan, began))(b)
				op := must(run.Drive(w.drivers))(b)
				check(b, way(op))
				op.Close()
				run.Close()
				w.close()
			}
		})
	}
}
