package nipops

// Histograms: many measurements in little memory, with quantiles that say how exact they are.

// Histogram counts values by size: 128 buckets from each power of two to the next, from 2^-30 to 2^34. Quantiles within
// that range are off by 0.39 % at most. Zeros, negative values, those below or above the range and NaN are counted
// apart, so that nothing is lost. Merging is exact: the same values give the same bytes, whether recorded in one or in
// many. Any goroutine may call it; calls take turns.
type Histogram struct {
	object
	c pointer
}

// Summary is what a histogram knows exactly.
type Summary struct {
	Count      int64   // values recorded; NotNumbers are not among them
	Negatives  int64   // of these: below zero, minus infinity included
	Zeros      int64   // 0 and -0
	Below      int64   // above zero and below 2^-30
	Above      int64   // 2^34 or more, infinity included
	NotNumbers int64   // NaN
	Least      float64 // NaN when Count is 0
	Greatest   float64 // NaN when Count is 0
	Sum        float64 // of the values within the range, rounded once; of all where Negatives, Below and Above are 0
}

// Quantile is a quantile and what is guaranteed of it: the true one, of the values as they were recorded, lies between
// Lower and Upper, both included.
type Quantile struct {
	Value float64 // off by (Upper-Lower)/(Upper+Lower) at most: within the range, 0.39 %
	Lower float64
	Upper float64
	Rank  int64 // which of the sorted values it is, from 1
}

// NewHistogram makes an empty one.
func NewHistogram() (*Histogram, error) {
	return newHistogram(cHistogramNew())
}

// ReadHistogram reads what Bytes wrote, in any language. ErrCorrupt for bytes that it cannot have written, ErrVersion.
func ReadHistogram(bytes []byte) (*Histogram, error) {
	return newHistogram(cHistogramRead(bytes))
}

func newHistogram(c pointer, err error) (*Histogram, error) {
	if err != nil {
		return nil, err
	}
	histogram := &Histogram{c: c}
	histogram.init("histogram", func() { cHistogramFree(c) })
	return histogram, nil
}

func (h *Histogram) begin() error {
	if h == nil || h.c == nil {
		return missingError("histogram")
	}
	return h.enter()
}

// Record records one value so many times. ErrInvalid when times is negative, ErrLimit beyond 2^63 - 1 values.
func (h *Histogram) Record(value float64, times int64) error {
	if err := h.begin(); err != nil {
		return err
	}
	defer h.leave()
	return cHistogramRecord(h.c, value, times)
}

// RecordN records all values, which are read where they are, or none of them when it fails. They must not be changed
// meanwhile. ErrLimit.
func (h *Histogram) RecordN(values []float64) error {
	if err := h.begin(); err != nil {
		return err
	}
	defer h.leave()
	return cHistogramRecordN(h.c, values)
}

// Merge adds all that the other holds; it stays as it is. ErrLimit.
func (h *Histogram) Merge(other *Histogram) error {
	if h == nil || h.c == nil || other == nil || other.c == nil {
		return missingError("histogram")
	}
	leave, err := enterAll(&h.object, &other.object)
	if err != nil {
		return err
	}
	defer leave()
	return cHistogramMerge(h.c, other.c)
}

// Summary is count, least, greatest and sum, and what was counted apart.
func (h *Histogram) Summary() (Summary, error) {
	if err := h.begin(); err != nil {
		return Summary{}, err
	}
	defer h.leave()
	return cHistogramSummary(h.c)
}

// Quantile is the quantile by the nearest rank: the smallest recorded value that at least the part quantile (0..1, to
// nine digits after the point) of all values is not above. ErrInvalid; ErrState when there are no values.
func (h *Histogram) Quantile(quantile float64) (Quantile, error) {
	if err := h.begin(); err != nil {
		return Quantile{}, err
	}
	defer h.leave()
	return cHistogramQuantile(h.c, quantile)
}

// Bytes are the same for the same values, on every machine and from every language.
func (h *Histogram) Bytes() ([]byte, error) {
	if err := h.begin(); err != nil {
		return nil, err
	}
	defer h.leave()
	return cHistogramWrite(h.c)
}

// Close frees the histogram. Further calls do nothing.
func (h *Histogram) Close() error {
	if h != nil && h.c != nil {
		h.close()
	}
	return nil
}
