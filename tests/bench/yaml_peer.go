// Go's yaml.v3 on the text that standard input gives: CPU time of one load. Without modules, since Debian's package is in GOPATH's form.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"syscall"

	"gopkg.in/yaml.v3"
)

const turns = 100

func load(text []byte) {
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		log.Fatal(err)
	}
}

// cpuTime is in microseconds.
func cpuTime() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return (used.Utime.Nano() + used.Stime.Nano()) / 1000
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	load(text)
	start := cpuTime()
	for i := 0; i < turns; i++ {
		load(text)
	}
	fmt.Printf("yaml_go_us %g\n", float64(cpuTime()-start)/turns)
}
