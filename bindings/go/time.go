package nipops

// Instants and lengths of time, between time.Time and the library's nanoseconds.

import (
	"math"
	"time"
)

// Never is later than every instant: what only an outcome or a request can end. The zero time.Time stands for "no
// instant".
var Never = time.Unix(0, math.MaxInt64).UTC()

var earliest = time.Unix(0, math.MinInt64+1).UTC()

// fromTime refuses instants that the library cannot hold.
func fromTime(t time.Time) (int64, error) {
	if t.IsZero() {
		return timeNone, nil
	}
	if t.Before(earliest) || t.After(Never) {
		return 0, newError(ErrInvalid, "instants lie between the years 1677 and 2262, found %s",
			t.UTC().Format(time.RFC3339))
	}
	return t.UnixNano(), nil
}

func toTime(nanoseconds int64) time.Time {
	if nanoseconds == timeNone {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

// ParseTime reads an RFC 3339 instant as documents have it: "2026-11-23T05:49:30Z", fractions to 9 digits, offsets.
// ErrInvalid. Any goroutine.
func ParseTime(text string) (time.Time, error) {
	nanoseconds, err := cTimeParse(text)
	if err != nil {
		return time.Time{}, err
	}
	return toTime(nanoseconds), nil
}

// FormatTime writes an instant as RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a second. ErrInvalid for the zero time
// and for years outside 1677 to 2262. Any goroutine.
func FormatTime(t time.Time) (string, error) {
	nanoseconds, err := fromTime(t)
	if err != nil {
		return "", err
	}
	if nanoseconds == timeNone {
		return "", newError(ErrInvalid, "an instant is needed, found the zero time")
	}
	return cTimeFormat(nanoseconds)
}

// ParseDuration reads a length of time as documents have it: "90s", "1h30m", "250ms", units ns us ms s m h d w.
// ErrInvalid. Any goroutine.
func ParseDuration(text string) (time.Duration, error) {
	nanoseconds, err := cDurationParse(text)
	return time.Duration(nanoseconds), err
}

// FormatDuration writes a length of time as ParseDuration reads it, "1h30m". Any goroutine.
func FormatDuration(d time.Duration) (string, error) {
	return cDurationFormat(int64(d))
}
