package nipops

// Release trains: several apps that are released together, in an order, all or none of them.

import (
	"bytes"
)

// TrainApps are the rollout documents of a train's apps, in its order: read from their files, whose paths are seen from
// the train's own file, or taken out of the train's document. Where the train has a barrier, they wait at it. ErrIO,
// ErrSyntax, ErrDocument. Close each of them.
func (d *Document) TrainApps() ([]*Document, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.leave()
	var apps []*Document
	for i := int64(0); i < cTrainApps(d.c); i++ {
		app, err := newDocument(cTrainApp(d.c, i))
		if err != nil {
			for _, made := range apps {
				made.Close()
			}
			return nil, err
		}
		apps = append(apps, app)
	}
	return apps, nil
}

// PlanTrain plans a train from the plans of its apps (PlanRollout of the documents that TrainApps gives), one for each
// in its order. ErrDocument with all problems; ErrState for a plan that does not wait at the barrier; ErrInvalid when
// there are not as many plans as apps.
func PlanTrain(document *Document, plans []*Plan) (*Plan, error) {
	var all bytes.Buffer
	all.WriteByte('[')
	for i, plan := range plans {
		text, err := plan.JSON()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			all.WriteByte(',')
		}
		all.Write(text)
	}
	all.WriteByte(']')
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return newPlan(cPlanTrain(document.c, all.Bytes()))
}
