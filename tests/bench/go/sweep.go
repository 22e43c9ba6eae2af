package main

// A health sweep, as ../sweep.c and ../sweep.py do it.

import (
	"context"
	"fmt"
	"io"
	"log"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

func measureSweep(input io.Reader) {
	nip := must(nipops.New())
	document := must(nipops.ParseDocument(must(io.ReadAll(input)), ""))
	start, cpuStart := time.Now(), cpuTime()
	operation := must(nip.StartHealthCheck(document))
	check(operation.Wait(context.Background()))
	report := must(operation.HealthResult())
	took, cpu := time.Since(start), cpuTime()-cpuStart
	operation.Close()
	targets := float64(len(report.Targets))
	if report.Healthy != len(report.Targets) {
		log.Fatalf("%d of %.0f targets are healthy", report.Healthy, targets)
	}
	fmt.Printf("sweep_go_per_second %g\n", targets/took.Seconds())
	fmt.Printf("sweep_go_cpu_us %g\n", float64(cpu)/targets/float64(time.Microsecond))
}
