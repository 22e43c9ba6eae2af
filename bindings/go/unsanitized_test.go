//go:build !nipops_sanitized

package nipops

// Without a sanitizer nobody knows of leaks.
func leaksFound() bool {
	return false
}
