//go:build !nipops_static

package nipops

// The ordinary build: links the shared library that pkg-config names.

// #cgo pkg-config: nipops
import "C"
