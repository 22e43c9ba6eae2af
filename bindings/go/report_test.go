package nipops

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestWhatJournalsTell(t *testing.T) {
	w := newWorld(t, "memory:", simulated("told", ""))
	fill(t, w.store, "shop", 3)
	text := must(w.store.MetricsText(began))(t)
	if !strings.Contains(text, `nipops_journal_records_total{app="shop"} 3`) {
		t.Fatal(text)
	}
	if _, err := w.store.Spans("shop"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

func TestSchemas(t *testing.T) {
	names := must(Schemas())(t)
	equal(t, names["rollout"], "document")
	equal(t, names["haproxy"], "driver")
	for name := range names {
		var schema struct{ Type string }
		check(t, json.Unmarshal(must(Schema(name))(t), &schema))
		equal(t, schema.Type, "object")
	}
	if _, err := Schema("cucumber"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := SchemaText("rollout", "pdf"); !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
}

func TestConvertArgo(t *testing.T) {
	manifest := []byte("kind: Rollout\nmetadata: {name: shop}\nspec: {strategy: {canary: {steps: [{setWeight: 20}, {plugin: {}}]}}}\n")
	converted := must(ConvertArgo(manifest, "m.yaml"))(t)
	document := must(ParseDocument([]byte(converted.Document), "m.yaml"))(t)
	check(t, document.Check())
	check(t, document.Close())
	dropped := 0
	for _, note := range converted.Notes {
		if note.What == "dropped" && note.At == "spec.strategy.canary.steps[1].plugin" {
			equal(t, note.Line, 3)
			dropped++
		}
	}
	equal(t, dropped, 1)
	if _, err := ConvertArgo([]byte("a: 1"), ""); !errors.Is(err, ErrDocument) {
		t.Fatal(err)
	}
}
