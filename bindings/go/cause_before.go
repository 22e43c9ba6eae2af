//go:build !go1.20

package nipops

import "context"

// causeOf is why a context ended: before Go 1.20 nobody can say more.
func causeOf(ctx context.Context) error {
	return ctx.Err()
}
