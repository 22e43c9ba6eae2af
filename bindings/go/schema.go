package nipops

import "encoding/json"

// Schema is the JSON Schema (draft 2020-12) of a kind of document ("rollout", "health", "sla", "plan"), or of a built-in
// driver's settings ("haproxy"). What only a whole document can get wrong, Document.Check still says. ErrNotFound, whose
// message lists the names.
func Schema(name string) (json.RawMessage, error) {
	text, err := SchemaText(name, "json-schema")
	return json.RawMessage(text), err
}

// SchemaText is a schema as text: format is "json-schema", "markdown" (one row a key) or "man". ErrNotFound, ErrInvalid.
func SchemaText(name, format string) (string, error) {
	return cSchemaWrite(name, format)
}

// Schemas is all names that have a schema, and what each is of: "document" or "driver".
func Schemas() (map[string]string, error) {
	list, err := cSchemaList()
	if err != nil {
		return nil, err
	}
	var items []struct{ Name, Of string }
	if err := json.Unmarshal(list, &items); err != nil {
		return nil, err
	}
	names := make(map[string]string, len(items))
	for _, item := range items {
		names[item.Name] = item.Of
	}
	return names, nil
}
