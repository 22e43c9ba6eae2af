// Measures the Go package: lines "name value", as all programs here print.
//
//	bench calls    against bare cgo calls: what ../calls.py does for Python
//	bench sweep    a health sweep of the document that standard input gives
package main

import (
	"fmt"
	"log"
	"os"
	"sort"
	"syscall"
	"time"
	"unsafe"
)

const passes = 5

// way is one way to do the same work.
type way struct {
	name string
	work func()
}

// compare times each way, all in turn, several times; one call of a way does count things. It prints the median for one
// thing, and what the first way takes beyond the second.
func compare(name, unit string, count int, ways ...way) {
	scale := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond}[unit]
	taken := make([][]float64, len(ways))
	over := make([]float64, passes)
	for pass := range over {
		for i, way := range ways {
			start := cpuTime()
			way.work()
			taken[i] = append(taken[i], float64(cpuTime()-start)/float64(count)/float64(scale))
		}
		over[pass] = taken[0][pass] - taken[1][pass]
	}
	for i, way := range ways {
		fmt.Printf("go_%s_%s_%s %g\n", name, way.name, unit, median(taken[i]))
	}
	fmt.Printf("go_%s_over_%s %g\n", name, unit, median(over))
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func repeat(count int, once func()) func() {
	return func() {
		for i := 0; i < count; i++ {
			once()
		}
	}
}

// cpuTime is that of the whole process, its garbage collection included.
func cpuTime() time.Duration {
	const processClock = 2 // CLOCK_PROCESS_CPUTIME_ID
	var t syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processClock, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		log.Fatal(errno)
	}
	return time.Duration(t.Nano())
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "calls":
		measureCalls()
	case len(os.Args) == 2 && os.Args[1] == "sweep":
		measureSweep(os.Stdin)
	default:
		log.Fatal("usage: bench calls|sweep")
	}
}
