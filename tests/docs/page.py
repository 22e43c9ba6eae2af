"""status --html in a real browser: the page is drawn, its lines and limits have their colours, it asks nobody for anything, and nothing of a
version's name is taken for markup.

    page.py NIPOPS CHROMIUM TOP LIBRARY
"""
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import browser
import simulated

NIPOPS, CHROMIUM = os.path.abspath(sys.argv[1]), sys.argv[2]
nipops = simulated.library(sys.argv[3], sys.argv[4])
HOSTILE = "2\"'><script>document.title='taken'</script><img src=x onerror=document.title=1>&amp;"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.runs, _ = simulated.three_runs(nipops, cls.folder + "/nipops.db", HOSTILE)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def page(self, run):
        path = "%s/%s.html" % (self.folder, run)
        done = subprocess.run([NIPOPS, "status", run, "--html", path, "--store", self.folder + "/nipops.db"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return path

    def test_it_is_drawn(self):
        path, picture = self.page(self.runs[1]), self.folder + "/page.png"
        browser.browse(CHROMIUM, "--screenshot=" + picture, "file://" + path)
        with open(path, encoding="utf-8") as file:
            style = file.read()
        colour = {name: tuple(bytes.fromhex(value)) for name, value in re.findall(r"--(first|second|bad):#([0-9a-f]{6})", style)[:3]}
        rows = list(browser.pixels(picture))
        heights = {name: sum(value in row for row in rows) for name, value in colour.items()}
        self.assertEqual(len(heights), 3)
        for name in ("first", "second"):  # both lines of the traffic rise or fall through a good part of their picture
            self.assertGreater(heights[name], 60, heights)
        self.assertGreaterEqual(heights["bad"], 1)  # the limit: one dashed line, two pixels high

    def test_nothing_of_a_name_is_markup(self):
        done = browser.browse(CHROMIUM, "--dump-dom", "file://" + self.page(self.runs[2]))
        self.assertNotIn("<script", done.stdout)
        self.assertNotIn("<img", done.stdout)
        self.assertNotIn("<title>taken", done.stdout)
        self.assertIn("&lt;script&gt;", done.stdout)
        self.assertGreaterEqual(done.stdout.count("<svg"), 3)
        self.assertNotIn("CONSOLE", done.stderr)

    def test_it_asks_nobody(self):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                with open(path, "rb") as file:
                    body = file.read()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        path = self.page(self.runs[1])
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser.browse(CHROMIUM, "--dump-dom", "http://127.0.0.1:%d/page" % server.server_address[1])
            server.shutdown()
        self.assertEqual(set(asked) - {"/favicon.ico"}, {"/page"})  # the icon is the browser's own idea
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIsNone(re.search(r"(?i)<(script|link|iframe|img|object)|@import|url\(|https?://", text.replace("http://{endpoint}/health", "")))

    def test_what_it_says(self):
        with open(self.page(self.runs[2]), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("<b>returned</b>: guard guard-25: error_rate", text)
        self.assertRegex(text, r"error_rate 0\.\d+ of at most 0\.01")
        self.assertEqual(os.stat("%s/%s.html" % (self.folder, self.runs[2])).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
