package nipops

// Crossings for release trains.

// #include "glue.h"
import "C"

func cTrainApps(doc pointer) int64 {
	return int64(C.nip_train_apps((*C.nip_doc)(doc)))
}

func cTrainApp(doc pointer, index int64) (pointer, error) {
	var app *C.nip_doc
	var err *C.nip_error
	C.nip_train_app((*C.nip_doc)(doc), C.int64_t(index), &app, &err)
	return pointer(app), takeError(err)
}

func cPlanTrain(doc pointer, plans []byte) (pointer, error) {
	var in arguments
	cPlans := in.text(string(plans))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_train_plan((*C.nip_doc)(doc), cPlans, &plan, &err)
	return pointer(plan), takeError(err)
}
