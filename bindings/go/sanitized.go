//go:build nipops_sanitized

package nipops

// For test builds against a library that was built with AddressSanitizer (sanitized.sh): asks whether C memory leaked.

// #include <sanitizer/lsan_interface.h>
import "C"

func leaksFound() bool {
	return C.__lsan_do_recoverable_leak_check() != 0
}
