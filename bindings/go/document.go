package nipops

// Documents: YAML or JSON text that remembers where everything stands.

import "encoding/json"

// Document is a rollout, plan or health document. Any goroutine may call it; calls take turns.
type Document struct {
	object
	c pointer
}

// LoadDocument reads a file; "-" is standard input. ErrIO, ErrSyntax, ErrLimit.
func LoadDocument(path string) (*Document, error) {
	return newDocument(cDocumentLoad(path))
}

// ParseDocument reads YAML or JSON text. name is what messages call it, "rollout.yaml"; "" gives "document". ErrSyntax,
// ErrLimit.
func ParseDocument(text []byte, name string) (*Document, error) {
	return newDocument(cDocumentParse(text, name))
}

func newDocument(c pointer, err error) (*Document, error) {
	if err != nil {
		return nil, err
	}
	document := &Document{c: c}
	document.init("document", func() { cDocumentFree(c) })
	return document, nil
}

func (d *Document) begin() error {
	if d == nil || d.c == nil {
		return missingError("document")
	}
	return d.enter()
}

// Kind is "rollout", "plan", "health", ...: the name of the only or best-known key at its top; "" once it is closed.
func (d *Document) Kind() string {
	if d.begin() != nil {
		return ""
	}
	defer d.leave()
	return cDocumentKind(d.c)
}

// Subject is the app of a rollout document, by which its journal, runs and release are found; "" when it names none,
// and once it is closed.
func (d *Document) Subject() string {
	text, err := d.JSON()
	if err != nil {
		return ""
	}
	rollout := member(text, "rollout")
	if rollout == nil {
		rollout = text // the form without that key
	}
	var app string
	if json.Unmarshal(member(rollout, "app"), &app) != nil {
		return ""
	}
	return app
}

// member is what an object has under a key; nil when it has none, or is no object.
func member(object json.RawMessage, key string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	return members[key]
}

// Check compares the document with its kind's schema. All problems come in one error (Error.Problems), each with line,
// column, path and what would be right. ErrDocument.
func (d *Document) Check() error {
	if err := d.begin(); err != nil {
		return err
	}
	defer d.leave()
	return cDocumentCheck(d.c)
}

// Set overrides one value, as a command line does: Set("/rollout/replicas", "6"). The value is read as a YAML scalar.
// ErrInvalid.
func (d *Document) Set(pointer, value string) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer d.leave()
	return cDocumentSet(d.c, pointer, value)
}

// JSON is the document as JSON, secrets masked, keys in the order of the text.
func (d *Document) JSON() (json.RawMessage, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.leave()
	return cDocumentJSON(d.c)
}

// Close frees the document. Further calls do nothing.
func (d *Document) Close() error {
	if d != nil && d.c != nil {
		d.close()
	}
	return nil
}
