package nipops

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every function of the C interface is used by the binding.
func TestEveryFunctionIsUsed(t *testing.T) {
	used := map[string]bool{}
	name := regexp.MustCompile(`\bnip_[a-z_]+\(`)
	for _, pattern := range []string{"*.go", "glue.h", "glue.c"} {
		for _, file := range must(filepath.Glob(pattern))(t) {
			if strings.HasSuffix(file, "_test.go") || file == "constants.go" {
				continue
			}
			for _, call := range name.FindAllString(codeOf(string(must(os.ReadFile(file))(t))), -1) {
				used[strings.TrimSuffix(call, "(")] = true
			}
		}
	}
	for _, function := range abiFunctions {
		if !used[function] {
			t.Errorf("%s is not used", function)
		}
	}
}

// codeOf leaves comments out.
func codeOf(text string) string {
	text = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(text, "")
	return regexp.MustCompile(`(?m)//.*$`).ReplaceAllString(text, "")
}
