"""Service levels: added in any order, from arrays that are not copied, reported as of any record."""
import json
import random
import re
import threading
import time
import tracemalloc
from array import array
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import nipops

from .support import PATIENCE, Case

MARCH_FIRST = 1772323200 * 10**9
MINUTE = 60 * 10**9
DOCUMENT = """
sla:
  name: shop
  indicators: {requests: {events: {}}, probe: {time: {instances: [a]}, max_gap: 1m}}
  objectives: {errors: {error_rate: requests, target: 0.1}, uptime: {availability: probe, target: 99}}
"""


NOW = int(time.time()) // 3600 * 3600


class Scrapes(BaseHTTPRequestHandler):
    """Answers like a Prometheus that has seen a service be up every 15 s for hours, all but the last one of them."""

    value = "1"

    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        form = re.fullmatch(r"up\n\[(\d+)ms\]", asked["query"][0])
        if self.path != "/api/v1/query" or form is None:
            self.send_error(404)
            return
        to = float(asked["time"][0])
        begin = int(to - int(form[1]) / 1000) // 15 * 15
        samples = [[at, type(self).value] for at in range(begin, min(int(to), NOW - 3600) + 1, 15)]
        result = [{"metric": {"instance": "a"}, "values": samples}] if samples else []
        data = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        pass


class Collecting(Case):
    def setUp(self):
        super().setUp()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Scrapes)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        text = DOCUMENT.replace("probe: {time: {", "probe: {time: {query: up, up_when: '>= 1', ")
        self.document = self.opened(nipops.Document.parse(text + "  metrics: {driver: prometheus, url: 'http://127.0.0.1:%d'}\n" % server.server_port))

    def test_collect(self):
        levels = nipops.ServiceLevels(self.store(self.real()), self.document)
        for new in (60, 0):
            with levels.collect((NOW - 3 * 3600) * 10**9, (NOW - 2 * 3600) * 10**9) as operation:
                result = operation.run(PATIENCE)
            self.assertEqual((result["known"], result["missing"], result["added"]["slices"]), (60, 0, new))
        with levels.collect((NOW - 3600) * 10**9, NOW * 10**9) as operation:
            self.assertGreater(operation.run(PATIENCE)["missing"], 50)

    def test_going_on(self):
        """Without a begin, from where the journal ends."""
        levels = nipops.ServiceLevels(self.store(self.real()), self.document)
        with levels.collect((NOW - 4 * 3600) * 10**9, (NOW - 3 * 3600) * 10**9) as operation:
            operation.run(PATIENCE)
        with levels.collect(end=(NOW - 2 * 3600) * 10**9) as operation:
            result = operation.run(PATIENCE)
        self.assertEqual(result["begin"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 3 * 3600)))
        self.assertEqual((result["known"], result["added"]["slices"]), (60, 60))
        with levels.collect(end=(NOW - 2 * 3600) * 10**9) as operation:  # nothing is left
            self.assertEqual(operation.run(PATIENCE)["added"]["slices"], 0)

    def test_what_contradicts(self):
        """Late samples change what was collected: that is told, and corrected only by a higher revision."""
        levels = nipops.ServiceLevels(self.store(self.real()), self.document)
        self.addCleanup(setattr, Scrapes, "value", "1")
        for value, revision, wanted in (("1", 0, (60, 0, 0)), ("0", 0, (0, 0, 60)), ("0", 1, (60, 0, 0)), ("0", 1, (0, 60, 0)), ("1", 0, (0, 60, 0))):
            Scrapes.value = value
            with levels.collect((NOW - 3 * 3600) * 10**9, (NOW - 2 * 3600) * 10**9, revision=revision) as operation:
                added = operation.run(PATIENCE)["added"]
            self.assertEqual((added["slices"], added["known"], added["contradicted"]), wanted, (value, revision))
        self.assertIn('"revision":1', levels.pages())
        self.assertIn("d3600000", levels.pages())

    def test_what_it_borrows(self):
        levels = nipops.ServiceLevels(self.store(self.real()), self.document)
        with levels.collect((NOW - 3 * 3600) * 10**9, (NOW - 2 * 3600) * 10**9) as operation:
            levels.document.close()
            levels.store.close()
            self.assertEqual(operation.run(PATIENCE)["added"]["slices"], 60)
        with self.assertRaises(nipops.ClosedError):
            levels.collect()

    def test_nobody_to_ask(self):
        with self.assertRaises(nipops.InvalidError):
            nipops.ServiceLevels(self.store(self.real()), self.opened(nipops.Document.parse(DOCUMENT))).collect()


class ServiceLevels(Case):
    def levels(self):
        context = nipops.Context(clock="virtual:2026-04-01T00:00:00Z")
        self.addCleanup(context.close)
        return nipops.ServiceLevels(self.store(context, "memory:"), self.opened(nipops.Document.parse(DOCUMENT)))

    def test_any_order(self):
        chance = random.Random(1)
        slices = 300
        times = array("q", (MARCH_FIRST + i * MINUTE for i in range(slices)))
        good = array("q", (chance.randrange(1000) for _ in range(slices)))
        bad = array("q", (chance.randrange(2) for _ in range(slices)))
        whole, parts, copied = self.levels(), self.levels(), self.levels()
        self.assertEqual(whole.add_events("requests", times, good, bad), nipops.Added(1, 1, slices, 0))
        order = list(range(slices))
        chance.shuffle(order)
        for first in order:
            end = first + 1 + chance.randrange(20)
            views = [memoryview(numbers)[first:end] for numbers in (times, good, bad)]
            parts.add_events("requests", *(views if first % 2 else (list(view) for view in views)))
        self.assertEqual(parts.pages(), whole.pages())
        copied.add_pages(whole.pages())
        self.assertEqual(copied.pages(), whole.pages())
        self.assertEqual(copied.add_pages(whole.pages()).slices, 0)

    def test_from_rows_to_report(self):
        levels = self.levels()
        levels.add_rows("requests", "at,good,bad\n2026-03-01T00:00:10Z,999,1\n", begin=MARCH_FIRST, end=MARCH_FIRST + 1440 * MINUTE,
                        at=MARCH_FIRST + 1440 * MINUTE)
        levels.add_samples("probe", [MARCH_FIRST, MARCH_FIRST + 45 * 10**9], [1.0, 0.0], stream="a", begin=MARCH_FIRST, end=MARCH_FIRST + 2 * MINUTE)
        first = levels.report("2026-03-01", as_of=2)
        errors, uptime = first["objectives"]
        self.assertEqual(errors["verdict"], "met")
        self.assertEqual((uptime["figures"]["good"], uptime["figures"]["bad"]), (45000, 60000))
        sequence = levels.exclude({"v": 1, "id": "x", "class": "maintenance", "begin": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:01:00Z",
                                   "who": "ann", "why": "disks"})
        self.assertEqual(sequence, 3)
        self.assertEqual(levels.report("2026-03-01", as_of=2), first)
        tried = {"v": 1, "id": "y", "revokes": "x", "who": "ann", "why": "what if"}
        self.assertEqual(levels.simulate("2026-03-01")["objectives"][1]["answer"]["figures"]["excluded_ms"], 60000)
        self.assertEqual(levels.simulate("2026-03-01", exclusions=[tried])["objectives"][1]["answer"]["figures"]["excluded_ms"], 0)
        self.assertEqual(levels.report("2026-03-01", as_of=1)["now"], "2026-03-02T00:00:00Z")  # the record's instant, whatever the clock says
        self.assertEqual(levels.report("2026-03-01", as_of=1, now=MARCH_FIRST)["now"], "2026-03-01T00:00:00Z")
        self.assertEqual(levels.certificates("2026-03-01")[0]["excluded_ms"], 60000)
        self.assertIn("| errors | 0.1 % | 0.1000 % | met |", nipops.sla_report_text(first))
        self.assertTrue(nipops.sla_report_text(first, "html").startswith("<!DOCTYPE html>"))
        self.assertEqual(nipops.describe_sla(levels.document)["journal"], "sla.shop")

    def test_rules(self):
        asked = DOCUMENT.replace("events: {}", "events: {bad: errors, total: requests}").replace("time: {", "time: {query: up, up_when: '>= 1', ", 1)
        asked += "  metrics: {driver: prometheus, url: 'http://127.0.0.1:9090'}\n"
        self.assertIn("SLABudgetBurn", nipops.sla_rules(self.opened(nipops.Document.parse(asked))))
        with self.assertRaises(nipops.InvalidError):
            nipops.sla_rules(self.opened(nipops.Document.parse(DOCUMENT)))

    def test_no_copy(self):
        count = 300000
        levels = self.levels()
        numbers = {name: array("q", [value]) * count for name, value in (("times", MARCH_FIRST), ("good", 1), ("bad", 0))}
        values = array("d", [1.0]) * count
        tracemalloc.start()
        try:
            levels.add_events("requests", numbers["times"], memoryview(numbers["good"]).toreadonly(), numbers["bad"])
            levels.add_samples("probe", numbers["times"], values, stream="a", begin=MARCH_FIRST, end=MARCH_FIRST + MINUTE)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(most, 100000)
        self.assertIn('"slices":"%d"' % count, levels.pages())

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        times = MARCH_FIRST + MINUTE * numpy.arange(10)
        expected, found = self.levels(), self.levels()
        expected.add_events("requests", times.tolist(), [1, 2] * 5, [0] * 10)
        found.add_events("requests", times, numpy.array([1, 2] * 5), numpy.zeros(20, dtype=numpy.int64)[::2])
        self.assertEqual(found.pages(), expected.pages())

    def test_refused(self):
        levels = self.levels()
        levels.add_events("requests", [MARCH_FIRST], [1], [0])
        for error, wrong in (
                (nipops.StateError, lambda: levels.add_events("requests", [MARCH_FIRST], [2], [0])),
                (nipops.NotFoundError, lambda: levels.add_events("request", [MARCH_FIRST], [2], [0])),
                (nipops.InvalidError, lambda: levels.add_samples("requests", [MARCH_FIRST], [2])),
                (nipops.InvalidError, lambda: levels.add_events("requests", [MARCH_FIRST], [-1], [0])),
                (nipops.InvalidError, lambda: levels.report("2026-13")),
                (nipops.InvalidError, lambda: nipops.sla_report_text({}, "pdf")),
                (nipops.NotFoundError, lambda: levels.pages(99)),
                (ValueError, lambda: levels.add_events("requests", [MARCH_FIRST], [2], [])),
                (TypeError, lambda: levels.add_events("requests", ["now"], [2], [0])),
                (TypeError, lambda: nipops.ServiceLevels(levels.document, levels.store))):
            with self.subTest(error=error), self.assertRaises(error):
                wrong()
        self.assertEqual(levels.add_events("requests", [MARCH_FIRST], [2], [0], revision=1).slices, 1)
        self.assertEqual(len(json.loads(levels.pages())), 1)
