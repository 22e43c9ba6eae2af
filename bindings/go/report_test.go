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
