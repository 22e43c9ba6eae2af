"""Health checks against a server of the test's own."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nipops

from .support import PATIENCE, Case


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/good" else 503)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format, *args):
        pass


class Health(Case):
    def setUp(self):
        super().setUp()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.address = "http://127.0.0.1:%d" % server.server_port

    def check(self, *paths, timeout="200ms"):
        targets = ["'%s%s'" % (self.address, path) for path in paths]
        document = nipops.Document.parse("health: {targets: [%s], interval: 50ms, timeout: %s}" % (", ".join(targets), timeout))
        with nipops.health_check(self.real(), document) as operation:
            return operation.run(PATIENCE)

    def test_all_healthy(self):
        report = self.check("/good", timeout="30s")
        self.assertEqual((report.healthy, report.unhealthy, report.unknown, report.all_healthy), (1, 0, 0, True))
        target = report.targets[0]
        self.assertEqual((target.target, target.healthy, target.first_failure), (self.address + "/good", True, None))
        self.assertGreater(target.latency_ms, 0)

    def test_some_not(self):
        report = self.check("/good", "/bad")
        self.assertEqual((report.healthy, report.unhealthy, report.all_healthy), (1, 1, False))
        bad = [target for target in report.targets if not target.healthy][0]
        self.assertGreater(bad.tries, 0)
        self.assertTrue(bad.first_failure["message"])

    def test_watch(self):
        document = nipops.Document.parse("health: {targets: ['%s/good', '%s/bad'], watch: true, failures: 2, interval: 10ms}" % (self.address, self.address))
        changes = {}
        with nipops.health_check(self.real(), document) as operation:
            for event in operation:
                self.assertEqual(event.kind, "target.changed")
                changes[event.payload["target"]] = event.payload["from"], event.payload["to"]
                if len(changes) == 2:
                    break
            status = operation.status()
            operation.cancel()
            with self.assertRaises(nipops.CancelledError):
                operation.run(PATIENCE)
        self.assertEqual(changes, {self.address + "/good": ("unknown", "healthy"), self.address + "/bad": ("unknown", "unhealthy")})
        self.assertEqual((status["healthy"], status["unhealthy"], status["unknown"]), (1, 1, 0))
        self.assertEqual([target["index"] for target in status["targets"]], [1, 0])

    def test_no_health_document(self):
        with self.assertRaises(nipops.DocumentError):
            nipops.health_check(self.real(), nipops.Document.parse("health: {}"))
