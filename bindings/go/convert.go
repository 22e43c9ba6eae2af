package nipops

import "encoding/json"

// ConversionNote is what became of a part of a manifest.
type ConversionNote struct {
	What    string `json:"what"` // "changed", "dropped" or "guessed"
	At      string `json:"at"`   // "spec.strategy.canary.steps[2].setHeaderRoute"
	Line    int    `json:"line"` // in the manifest; 0: not at one place
	Message string `json:"message"`
}

// Conversion is a document in YAML, and an account of what was guessed, changed and left out.
type Conversion struct {
	Document string           `json:"document"`
	Notes    []ConversionNote `json:"notes"`
}

// ConvertArgo converts a manifest of Argo Rollouts: a Rollout, with the AnalysisTemplates that it names, separated by
// lines of ---. ErrSyntax, ErrLimit (8 MiB, 100 documents), ErrDocument (no Rollout among them).
func ConvertArgo(manifest []byte, name string) (Conversion, error) {
	var conversion Conversion
	told, err := cArgoConvert(manifest, name)
	if err == nil {
		err = json.Unmarshal(told, &conversion)
	}
	return conversion, err
}

// ConvertOpenSLO converts manifests of OpenSLO (openslo/v1) into one document of service levels: SLOs, with the SLIs and data
// sources that they name, separated by lines of ---. Errors as for ConvertArgo.
func ConvertOpenSLO(manifest []byte, name string) (Conversion, error) {
	var conversion Conversion
	told, err := cOpenSLOConvert(manifest, name)
	if err == nil {
		err = json.Unmarshal(told, &conversion)
	}
	return conversion, err
}
