package nipops

// Values that need no object: version, constants, rollout arithmetic, verdicts. All may be called by any goroutine.

// Split is how many instances of the new and of the old version there are during a canary.
type Split struct {
	Canary int64
	Stable int64
}

// Fenceposts is how many more and how many fewer instances than wanted a rolling update may have.
type Fenceposts struct {
	Surge       int64
	Unavailable int64
}

// Version is that of the library at run time, "0.1.0".
func Version() string {
	return cVersion()
}

// Constant is the value of a constant of the C headers by its name there, "NIP_E_CONFLICT". ErrNotFound.
func Constant(name string) (int64, error) {
	return cConstant(name)
}

// CanarySplit splits replicas (0..1000000) between canary and stable so that the canary's share is nearest to weight
// (percent, 0..100), with at most surge (0..1000000) instances more than replicas. ErrInvalid when an argument is out
// of range.
func CanarySplit(replicas, weight, surge int64) (Split, error) {
	return cCanarySplit(replicas, weight, surge)
}

// RollingFenceposts resolves surge and unavailable, each "25%" or "3", as a Kubernetes Deployment does: a percentage of
// surge is rounded up, one of unavailable down; if both come out 0, one may be unavailable. ErrInvalid.
func RollingFenceposts(replicas int64, surge, unavailable string) (Fenceposts, error) {
	return cRollingFenceposts(replicas, surge, unavailable)
}

// BinomialTail is the probability of events (0..total) or more among total (0..10^15) when each has probability rate
// (0..1). ErrInvalid.
func BinomialTail(events, total int64, rate float64) (float64, error) {
	return cBinomialTail(events, total, rate)
}

// RatioVerdict says whether events/total is above limit (0..1). It may be asked again and again as data come in: look
// counts from 1, and all looks together raise a false alarm with probability alpha (0 < alpha < 1) at most. Fewer than
// minSamples are inconclusive. ErrInvalid.
func RatioVerdict(events, total int64, limit float64, minSamples, look int64, alpha float64) (Verdict, error) {
	return cRatioVerdict(events, total, limit, minSamples, look, alpha)
}

// String is "pass", "no_data", "inconclusive" or "fail".
func (v Verdict) String() string {
	return cVerdictName(v)
}
