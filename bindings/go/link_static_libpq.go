//go:build nipops_static && !nipops_without_libpq

package nipops

// #cgo pkg-config: libpq
import "C"
