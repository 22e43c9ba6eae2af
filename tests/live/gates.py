#!/usr/bin/python3
"""Runs that wait for people, by the command: other processes answer, the driving process is killed in between.

usage: gates.py PATH-OF-NIPOPS
"""

import signal
import sys
import unittest

import cli

APPROVAL = """\
rollout:
  app: shop
  artifact: "1.0"
  replicas: 2
  strategy: rolling
  target: {driver: sim, world: shop, start_delay: 10ms, stop_delay: 10ms}
  router: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 30s, successes: 1}
  roles: {sre: [carol, dave, eve], boss: zoe}
  approve: {ask: "release it?", role: sre, count: COUNT}
"""


class Approvals(cli.Case):
    def document(self, count=1):
        return self.write("rollout.yaml", APPROVAL.replace("COUNT", str(count)))

    def asking(self, count=1):
        """A rollout that waits for `count` approvals, and its process."""
        process = self.start("rollout", self.document(count))
        self.wait_for_line(process, "waits for an approval")
        return process

    def test_documents_are_checked(self):
        for change, says in (("role: nobody", "there is no role"), ("role: sre, count: 4", "has only 3"), ("role: sre, cuont: 1", "count")):
            path = self.write("wrong.yaml", APPROVAL.replace("role: sre, count: COUNT", change))
            with self.subTest(change=change):
                self.assertIn(says, self.nipops("check", path, status=2).stderr)
        path = self.write("wrong.yaml", APPROVAL.replace("[carol, dave, eve]", "[carol, dave, carol]").replace("COUNT", "1"))
        self.assertIn("names carol twice", self.nipops("check", path, status=2).stderr)

    def test_the_plan_says_who_is_asked(self):
        plan = self.nipops("plan", self.document(2), status=0).stdout
        self.assertIn("2 of sre approve the release of 1.0 [approve]", plan)
        self.assertIn('"members":["carol","dave","eve"]', plan)

    def test_another_process_approves(self):
        process = self.asking(2)
        wrong = self.nipops("approve", "shop", "--by", "zoe", status=2)
        self.assertIn("zoe may not approve step approve of run shop-1: that is for sre, who are carol, dave, eve", wrong.stderr)
        self.assertIn("1 more wanted", self.nipops("approve", "shop", "--by", "carol", "--reason", "looks fine", status=0).stdout)
        self.assertIn("already", self.nipops("approve", "shop", "--by", "carol", status=3).stderr)
        status = self.nipops("status", "shop", status=0).stdout
        self.assertIn("asks     release it?", status)
        self.assertIn("answer   carol: approve: looks fine", status)
        self.assertIn("missing  1 approval by sre", status)
        self.nipops("approve", "shop", "--by", "dave", status=0)
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("carol approves step approve: looks fine", out)
        self.assertIn("dave approves step approve", out)

    def test_a_rejection_takes_it_back(self):
        process = self.asking(3)
        self.nipops("approve", "shop", "--by", "carol", status=0)
        self.nipops("reject", "shop", "--by", "eve", "--reason", "not today", status=0)
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 3, out)
        self.assertIn("rejected by eve: not today", out)
        self.assertIn("over (stopped)", self.nipops("approve", "shop", "--by", "dave", status=3).stderr)
        self.assertIn("does not wait", self.nipops("reject", "shop", "--by", "dave", status=3).stderr)

    def test_killed_between_two_approvals(self):
        process = self.asking(2)
        self.nipops("approve", "shop", "--by", "carol", status=0)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=cli.PATIENCE)
        self.assertIn("driven   by nobody", self.nipops("status", "shop", status=0).stdout)
        recorded = self.nipops("approve", "shop", "--by", "dave", status=0)
        self.assertIn("nothing drives run shop-1: nipops resume shop-1", recorded.stderr)
        self.assertIn("succeeded", self.nipops("resume", "shop", status=0).stdout)

    def test_detached_until_somebody_has_answered(self):
        done = self.nipops("rollout", self.document(), "--detach", status=5)
        self.assertIn("release it?", done.stderr)
        self.nipops("resume", "shop", "--detach", status=5)
        self.nipops("approve", "shop", "--by", "eve", status=0)
        self.nipops("resume", "shop", "--detach", status=0)
        status = self.as_json("status", "shop")
        self.assertEqual(status["state"], "succeeded")

    def test_an_abort_ends_the_waiting(self):
        process = self.asking()
        self.nipops("abort", "shop", "--by", "zoe", "--reason", "wrong version", status=0)
        process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 3)


if __name__ == "__main__":
    cli.NIPOPS = sys.argv.pop(1)
    unittest.main()
