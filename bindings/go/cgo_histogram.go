package nipops

// Crossings for histograms.

// #include "glue.h"
import "C"

import "unsafe"

func cHistogramNew() (pointer, error) {
	var histogram *C.nip_histogram
	var err *C.nip_error
	C.nip_histogram_new(&histogram, &err)
	return pointer(histogram), takeError(err)
}

func cHistogramRead(bytes []byte) (pointer, error) {
	var histogram *C.nip_histogram
	var err *C.nip_error
	C.nip_histogram_read(beginning(bytes), C.size_t(len(bytes)), &histogram, &err)
	return pointer(histogram), takeError(err)
}

func cHistogramRecord(histogram pointer, value float64, times int64) error {
	var err *C.nip_error
	C.nip_histogram_record((*C.nip_histogram)(histogram), C.double(value), C.int64_t(times), &err)
	return takeError(err)
}

func cHistogramRecordN(histogram pointer, values []float64) error {
	if len(values) == 0 {
		return nil
	}
	var err *C.nip_error
	C.nip_histogram_record_n((*C.nip_histogram)(histogram), (*C.double)(unsafe.Pointer(&values[0])), C.size_t(len(values)), &err)
	return takeError(err)
}

func cHistogramMerge(histogram, other pointer) error {
	var err *C.nip_error
	C.nip_histogram_merge((*C.nip_histogram)(histogram), (*C.nip_histogram)(other), &err)
	return takeError(err)
}

func cHistogramSummary(histogram pointer) (Summary, error) {
	var told C.nip_summary
	var err *C.nip_error
	C.nip_histogram_summary((*C.nip_histogram)(histogram), &told, &err)
	return Summary{
		Count:      int64(told.count),
		Negatives:  int64(told.negatives),
		Zeros:      int64(told.zeros),
		Below:      int64(told.below),
		Above:      int64(told.above),
		NotNumbers: int64(told.not_numbers),
		Least:      float64(told.least),
		Greatest:   float64(told.greatest),
		Sum:        float64(told.sum),
	}, takeError(err)
}

func cHistogramQuantile(histogram pointer, quantile float64) (Quantile, error) {
	var found C.nip_quantile
	var err *C.nip_error
	C.nip_histogram_quantile((*C.nip_histogram)(histogram), C.double(quantile), &found, &err)
	return Quantile{
		Value: float64(found.value),
		Lower: float64(found.lower),
		Upper: float64(found.upper),
		Rank:  int64(found.rank),
	}, takeError(err)
}

func cHistogramWrite(histogram pointer) ([]byte, error) {
	var owned *C.char
	var length C.size_t
	var err *C.nip_error
	C.nip_histogram_write((*C.nip_histogram)(histogram), &owned, &length, &err)
	if err != nil {
		return nil, takeError(err)
	}
	taken := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(owned)), int(length))...)
	C.nip_free(unsafe.Pointer(owned))
	return taken, nil
}

func cHistogramFree(histogram pointer) {
	C.nip_histogram_free((*C.nip_histogram)(histogram))
}
