package main

// What all runners print, to the byte: one line a fact, numbers as %.17g, instants in nanoseconds, keys in the order
// given.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

var output = bufio.NewWriter(os.Stdout)

func line(format string, values ...any) {
	fmt.Fprintf(output, format+"\n", values...)
}

// quote is a JSON string that escapes as little as may be.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20:
			fmt.Fprintf(&b, "\\u%04x", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return quote(text)
}

func number(text json.Number) string {
	const exact = 1 << 53
	value := must(text.Float64())
	if value > -exact && value < exact && value == float64(int64(value)) {
		return strconv.FormatInt(int64(value), 10)
	}
	return strconv.FormatFloat(value, 'g', 17, 64)
}

// canonical is JSON with keys in the order of the text, without the outermost key `skip`.
func canonical(text json.RawMessage, skip string) string {
	if len(text) == 0 {
		return "null"
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return value(decoder, must(decoder.Token()), skip)
}

func value(decoder *json.Decoder, token json.Token, skip string) string {
	switch token := token.(type) {
	case json.Delim:
		return items(decoder, token, skip)
	case json.Number:
		return number(token)
	case string:
		return quote(token)
	case bool:
		return strconv.FormatBool(token)
	}
	return "null"
}

func items(decoder *json.Decoder, open json.Delim, skip string) string {
	found := []string{}
	for decoder.More() {
		token := must(decoder.Token())
		if open == '[' {
			found = append(found, value(decoder, token, ""))
			continue
		}
		item := value(decoder, must(decoder.Token()), "")
		if key := token.(string); skip == "" || key != skip {
			found = append(found, quote(key)+":"+item)
		}
	}
	must(decoder.Token())
	if open == '[' {
		return "[" + strings.Join(found, ",") + "]"
	}
	return "{" + strings.Join(found, ",") + "}"
}

func instant(t time.Time) string {
	switch {
	case t.Equal(nipops.Never):
		return "never"
	case t.IsZero():
		return "none"
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}

// block is text of several lines, each behind a bar.
func block(text string) {
	line("text of %d bytes", len(text))
	for _, each := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		line("| %s", each)
	}
}

func digit(flag bool) int {
	if flag {
		return 1
	}
	return 0
}

func printOneError(label string, err *nipops.Error) {
	line("%s %s %d retryable=%d line=%d column=%d http=%d errno=%d file %s", label, err.Name, int(err.Code), digit(err.Retryable),
		err.Line, err.Column, err.HTTPStatus, int(err.Errno), orNull(err.File))
	line("  path %s", orNull(err.Path))
	line("  message %s", quote(err.Message))
}

// printError shows all problems, when there are several, and what led to it.
func printError(err error) {
	var failure *nipops.Error
	if !errors.As(err, &failure) {
		die("%v", err)
	}
	printOneError("error", failure)
	if len(failure.Problems) > 1 {
		for _, problem := range failure.Problems {
			printOneError("problem", problem)
		}
	}
	for errors.As(errors.Unwrap(failure), &failure) {
		printOneError("cause", failure)
	}
}

// printRecord leaves out what names the process or is random: hash, salt, holder.
func printRecord(label string, record nipops.Record) {
	problem := ""
	if record.Problem != "" {
		problem = " problem " + quote(record.Problem)
	}
	line("%s %d %s at=%d epoch=%d %s%s", label, record.Sequence, record.Kind, record.At.UnixNano(), record.Epoch,
		canonical(record.Payload, "holder"), problem)
}

func printAction(action *nipops.Action) {
	line("action %s run=%s subject=%s %s/%s settles=%d repeated=%d", action.ID, action.Run, action.Subject, action.Role, action.Verb,
		digit(action.Settles), digit(action.Repeated))
	line("  deadline %s", instant(action.Deadline))
	line("  args %s", canonical(action.Args, ""))
	line("  before %s", canonical(action.Before, ""))
}

// printStatus says how a run stands.
func printStatus(status nipops.Result) {
	line("status run=%s subject=%s title=%s state=%s reason=%s message=%s started=%s ended=%s sequence=%d", quote(status.Run),
		quote(status.Subject), quote(status.Title), quote(status.State), orNull(status.Reason), orNull(status.Message),
		instant(status.Started), instant(status.Ended), status.Sequence)
	if step := status.Step; step != nil {
		line("  step id=%s title=%s list=%s number=%d of=%d attempt=%d", quote(step.ID), quote(step.Title), quote(step.List),
			step.Number, step.Of, step.Attempt)
	}
	if waiting := status.Waiting; waiting != nil {
		reason := "message=" + orNull(waiting.Message)
		if waiting.Why != "" {
			reason = "why=" + quote(waiting.Why)
		}
		line("  waiting for=%s %s until=%s", quote(waiting.For), reason, instant(waiting.Until))
	}
}

func printRequested(receipt nipops.Receipt) {
	line("requested run=%s sequence=%d driven=%t", quote(receipt.Run), receipt.Sequence, receipt.Driven)
}

// printGate: where a run waits, for whom, and what they said.
func printGate(gate nipops.Gate) {
	line("gate gate=%s step=%s ask=%s", orNull(gate.Kind), orNull(gate.Step), orNull(gate.Ask))
	line("  missing %d", gate.Missing)
	for _, member := range gate.Members {
		line("  member %s", quote(member))
	}
	for _, answer := range gate.Answers {
		line("  answer decision=%s who=%s why=%s sequence=%d", quote(string(answer.Decision)), quote(answer.Who), orNull(answer.Why), answer.Sequence)
	}
}

func printAnswered(answered nipops.Answered) {
	line("answered %s", canonical(must(json.Marshal(answered)), ""))
}

// report is what a journal says in the end: every record, whether it is intact, its runs, and what is released.
func report(store *nipops.Store, subject string) {
	records := store.Records(subject, 0)
	for records.Next() {
		printRecord("record", records.Record())
	}
	must(0, records.Err())
	head := must(store.Head(subject))
	line("head subject=%s sequence=%d", quote(head.Subject), head.Sequence)
	printVerification(must(store.Verify(subject, nil)))
	for _, run := range must(store.Runs(subject)) {
		line("listed run=%s subject=%s state=%s title=%s started=%s ended=%s", quote(run.Run), quote(run.Subject), quote(run.State),
			quote(run.Title), instant(run.Started), instant(run.Ended))
	}
	line("release %s", canonical(must(store.Release(subject)), ""))
}

func printVerification(found nipops.Verification) {
	brokenAt := "null"
	if found.BrokenAt != 0 {
		brokenAt = strconv.FormatInt(found.BrokenAt, 10)
	}
	line("verified subject=%s verdict=%s records=%d purged=%d broken_at=%s reason=%s head=%s", quote(found.Subject),
		quote(found.Verdict), found.Records, found.Purged, brokenAt, orNull(found.Reason), quote(found.Head))
}
