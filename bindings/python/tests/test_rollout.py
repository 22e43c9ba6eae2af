"""A rollout from a document to its release, in a simulated world; the planners beside it."""
import nipops

from .support import PATIENCE, ROLLOUT, Case, kinds


class Rollout(Case):
    def setUp(self):
        super().setUp()
        self.context = self.virtual()
        self.place = self.store(self.context)
        self.set = self.drivers(self.context)

    def roll_out(self, version):
        plan = self.rollout_plan(self.context, self.set, self.place, version)
        with self.place.start(plan) as run, run.drive(self.set) as operation:
            events = list(operation)
            self.assertEqual(run.outcome, "succeeded")
            return plan, operation.result(), events

    def test_first_release(self):
        plan, status, events = self.roll_out("1.0.0")
        self.assertEqual(plan.subject, "shop")
        self.assertEqual(plan.drivers["target"]["driver"], "sim")
        self.assertGreater(plan.steps, 1)
        self.assertEqual((status.run, status.state, status.outcome), ("shop-1", "succeeded", "succeeded"))
        self.assertEqual(status.release, self.place.release("shop"))
        self.assertEqual(kinds(events)[0], "run.planned")
        self.assertEqual(kinds(events)[-1], "run.ended")
        self.assertEqual([event.sequence for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(events, list(self.place.records("shop")))

    def test_next_release_and_rollback(self):
        self.roll_out("1.0.0")
        self.roll_out("2.0.0")
        release = self.place.release("shop")
        self.assertEqual(release["version"], "2.0.0")
        with nipops.observe(self.context, release, self.set) as operation:
            observed = operation.run(PATIENCE)
        back = nipops.plan_rollback(release, observed)
        with self.place.start(back) as run, run.drive(self.set) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertEqual(self.place.release("shop")["version"], "1.0.0")
        runs = self.place.runs("shop")
        self.assertEqual([run.state for run in runs], ["succeeded"] * 3)
        self.assertEqual(runs[2].run, "shop-1")
        self.assertGreater(runs[0].started, runs[1].ended)

    def test_ensure_and_retire(self):
        self.roll_out("1.0.0")
        release = self.place.release("shop")
        with nipops.observe(self.context, release, self.set) as operation:
            observed = operation.run(PATIENCE)
        self.assertEqual(nipops.plan_ensure(release, observed).steps, 0)
        self.assertEqual(nipops.plan_retire(release, observed, self.context.now(), force=True).steps, 0)

    def test_nothing_to_do(self):
        self.roll_out("1.0.0")
        with self.assertRaisesRegex(nipops.StateError, "."):
            self.rollout_plan(self.context, self.set, self.place, "1.0.0")

    def test_observed_states_are_compared(self):
        document = nipops.Document.parse(ROLLOUT % "1.0.0")
        with nipops.observe(self.context, document, self.set) as operation:
            planned = operation.run(PATIENCE)
        nipops.compare_observed(planned, planned)
        self.roll_out("1.0.0")
        with nipops.observe(self.context, document, self.set) as operation:
            fresh = operation.run(PATIENCE)
        with self.assertRaises(nipops.DiffersError) as caught:
            nipops.compare_observed(planned, fresh)
        self.assertEqual(caught.exception.name, "NIP_E_DIFFERS")

    def test_plans_round_trip(self):
        plan = self.rollout_plan(self.context, self.set, self.place)
        again = nipops.Plan.from_json(plan.to_json())
        self.assertEqual(again.to_dict(), plan.to_dict())
        self.assertEqual(nipops.Plan.from_json(plan.to_dict()).to_json(), plan.to_json())
        self.assertEqual(nipops.Plan.from_document(nipops.Document.parse(plan.to_json())).to_json(), plan.to_json())
        self.assertIn("shop", plan.explain())


class Small(Case):
    def test_split_and_fenceposts(self):
        self.assertEqual(nipops.canary_split(10, 20), nipops.Split(canary=2, stable=8))
        self.assertEqual(nipops.rolling_fenceposts(10, "25%", "25%"), nipops.Fenceposts(surge=3, unavailable=2))
        with self.assertRaises(nipops.InvalidError):
            nipops.canary_split(10, 101)
        with self.assertRaises(ValueError):
            nipops.rolling_fenceposts(10, "x", "25%")

    def test_a_number_beyond_64_bits_is_no_smaller_one(self):
        beyond = 2**64
        for call in (lambda: nipops.canary_split(beyond + 10, 20), lambda: nipops.canary_split(10, beyond + 20),
                     lambda: nipops.canary_split(10, 20, beyond), lambda: nipops.rolling_fenceposts(beyond + 10, "25%", "25%"),
                     lambda: nipops.binomial_tail(1, beyond + 2, 0.5), lambda: nipops.binomial_tail(1 - beyond, 2, 0.5),
                     lambda: nipops.ratio_verdict(5, 10, 0.01, min_samples=beyond),
                     lambda: nipops.ratio_verdict(5, 10, 0.01, min_samples=1, look=beyond + 1), lambda: nipops.verdict_name(2**32)):
            with self.assertRaisesRegex(nipops.InvalidError, "must fit"):
                call()
        for call in (lambda: nipops.canary_split(10.0, 20), lambda: nipops.binomial_tail("1", 2, 0.5), lambda: nipops.verdict_name(None)):
            with self.assertRaisesRegex(TypeError, "must be int, found"):
                call()

    def test_verdicts(self):
        self.assertAlmostEqual(nipops.binomial_tail(1, 2, 0.5), 0.75)
        self.assertIs(nipops.ratio_verdict(0, 100, 0.01, min_samples=50), nipops.Verdict.PASS)
        self.assertIs(nipops.ratio_verdict(50, 100, 0.01, min_samples=50), nipops.Verdict.FAIL)
        self.assertIs(nipops.ratio_verdict(1, 10, 0.01, min_samples=50), nipops.Verdict.INCONCLUSIVE)
        self.assertIs(nipops.ratio_verdict(0, 0, 0.01, min_samples=50), nipops.Verdict.NO_DATA)
        self.assertEqual([nipops.verdict_name(verdict) for verdict in nipops.Verdict], ["pass", "no_data", "inconclusive", "fail"])
        with self.assertRaises(nipops.InvalidError):
            nipops.ratio_verdict(2, 1, 0.01, min_samples=50)
