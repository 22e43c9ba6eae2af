package main

// The same checks by Go's net/http: sweep_peer KIND PORT TARGETS HOSTS ROUNDS IN_FLIGHT, as sweep_peers.c has them.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type reply struct {
	Status string `json:"status"`
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func authorities(path string) *x509.CertPool {
	pool := x509.NewCertPool()
	if text, err := os.ReadFile(path); err == nil {
		pool.AppendCertsFromPEM(text)
	}
	return pool
}

func check(client *http.Client, url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		log.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	var read reply
	if err != nil || json.Unmarshal(body, &read) != nil || read.Status != "healthy" {
		log.Fatalf("not healthy: %s", body)
	}
}

func cpu(used *syscall.Rusage) time.Duration {
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func main() {
	kind, port := os.Args[1], os.Args[2]
	targets, hosts, rounds, inFlight := number(os.Args[3]), number(os.Args[4]), number(os.Args[5]), number(os.Args[6])
	scheme := "http"
	if strings.HasPrefix(kind, "tls") {
		scheme = "https"
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives:   strings.Contains(kind, "new"),
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: inFlight,
		TLSClientConfig:     &tls.Config{RootCAs: authorities(os.Getenv("SSL_CERT_FILE")), ServerName: "sweep.example"},
	}}
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	start := time.Now()
	var next int64 = -1
	var all sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := int(atomic.AddInt64(&next, 1)); n < targets*rounds; n = int(atomic.AddInt64(&next, 1)) {
				host := "127.0.0.1"
				if hosts > 1 {
					host = fmt.Sprintf("127.1.%d.%d", n%hosts/250, n%hosts%250+1)
				}
				check(client, fmt.Sprintf("%s://%s:%s/%d", scheme, host, port, n%targets))
			}
		}()
	}
	all.Wait()
	took := time.Since(start)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	checks := float64(targets * rounds)
	fmt.Printf("per_second %g\n", checks/took.Seconds())
	fmt.Printf("cpu_us %g\n", float64(cpu(&after)-cpu(&before))/checks/1000)
	fmt.Printf("rss_mb %g\n", float64(after.Maxrss)/1000)
}
