//go:build nipops_static

package nipops

// The build with -tags nipops_static: libnipops itself is linked from libnipops.a; what it needs stays shared. Not
// pkg-config --static: that would want static files of everything that those libraries need in turn, which
// distributions do not have. A libnipops.a that was built without libpq: -tags nipops_static,nipops_without_libpq.

// #cgo LDFLAGS: -l:libnipops.a -Wl,--as-needed -lm -pthread
// #cgo pkg-config: nipops libcurl yaml-0.1 sqlite3 libsodium libpcre2-8
import "C"
