package main

// The HTTP server: its limits, and its end.

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Limits on what a client may make the service wait for.
const (
	headerTime  = 5 * time.Second
	requestTime = 10 * time.Second // for a whole request to come in
	answerTime  = 40 * time.Second // from then on, until the answer is out; longer than observeTime
	idleTime    = time.Minute
	leaveTime   = 500 * time.Millisecond // for answers under way when the service ends
	headerBytes = 16 << 10
)

// connectionKey finds a request's connection in its context, for handlers whose time is not limited as a whole.
type connectionKey struct{}

// serve answers requests until life ends. Then it takes no more, lets the answers under way go out, and returns nil.
func serve(life context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		// Streams and observations end with the service.
		BaseContext: func(net.Listener) context.Context { return life },
		ConnContext: func(ctx context.Context, connection net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, connection)
		},
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-life.Done():
	}
	leaving, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if server.Shutdown(leaving) != nil {
		server.Close() // a client that does not read its answer holds nobody up
	}
	return nil
}

// setDeadlines replaces the server's time limits for the rest of this request; the zero time is no limit. Go 1.20 and
// later have http.NewResponseController for it.
func setDeadlines(r *http.Request, read, write time.Time) {
	if connection, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
		connection.SetReadDeadline(read)
		connection.SetWriteDeadline(write)
	}
}
