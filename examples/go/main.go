// Command rollout-service runs rollouts that are asked for over HTTP. It may be stopped or killed at any moment: the
// journal keeps each run, and the next start goes on with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8321", "`address` to listen on; port 0 takes a free one")
	journal := flag.String("store", "rollouts.db", "`file` that keeps the journals")
	flag.Parse()

	life, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(life, *address, *journal, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rollout-service:", err)
		os.Exit(1)
	}
}

// run serves until life ends, and then leaves all runs so that the next start can take them up.
func run(life context.Context, address, journal string, out io.Writer) error {
	rollouts, err := openRollouts(life, journal, log.New(os.Stderr, "", log.LstdFlags))
	if err != nil {
		return err
	}
	defer rollouts.close()

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on http://%s\n", listener.Addr())
	if err := rollouts.takeUpAll(); err != nil {
		listener.Close()
		return err
	}
	return serve(life, listener, newAPI(rollouts))
}
