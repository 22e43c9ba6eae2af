"""init: what it finds in folders of many kinds, and that whatever it finds the document is valid and nothing is overwritten.

    init.py NIPOPS
"""
import os
import stat
import subprocess
import sys
import tempfile
import unittest

import yaml

NIPOPS = os.path.abspath(sys.argv[1])

HAPROXY = """global
    stats socket /run/lb/admin.sock mode 600 level admin
backend other
    server a 127.0.0.1:1
backend shop
    server-template app 1-20 127.0.0.1:9 disabled check
"""

# name, files, what the document then says at which place
FOUND = [
    ("Procfile", {"Procfile": "worker: x\nweb: gunicorn app:app --bind 127.0.0.1:$PORT\n"},
     {"target.command": ["gunicorn", "app:app", "--bind", "127.0.0.1:{port}"]}),
    ("Procfile without a port", {"Procfile": "web: ./serve --fast\n"}, {"target.command": ["env", "PORT={port}", "./serve", "--fast"]}),
    ("Procfile for a shell", {"Procfile": "web: cd x && ./serve $PORT\n"},
     {"target.command": ["env", "PORT={port}", "sh", "-c", "cd x && ./serve $PORT"]}),
    ("Procfile comes first", {"Procfile": "web: ./serve ${PORT}\n", "package.json": '{"name": "@acme/cart", "scripts": {"start": "node ."}}'},
     {"target.command": ["./serve", "{port}"], "app": "cart"}),
    ("package.json", {"package.json": '{"name": "cart", "scripts": {"start": "node ."}}'},
     {"target.command": ["env", "PORT={port}", "npm", "start"], "app": "cart"}),
    ("package.json without start", {"package.json": '{"name": "cart"}'}, {"target.command": ["./cart", "--port", "{port}"], "app": "cart"}),
    ("Django", {"manage.py": "#"}, {"target.command": ["python3", "manage.py", "runserver", "--noreload", "127.0.0.1:{port}"]}),
    ("pyproject.toml", {"pyproject.toml": '[project]\nname = "my-shop"\n'}, {"app": "my-shop"}),
    ("go.mod", {"go.mod": "// a module\nmodule example.com/acme/cart\n\ngo 1.22\n"},
     {"target.command": ["env", "PORT={port}", "./cart"], "app": "cart"}),
    ("Cargo.toml", {"Cargo.toml": '[package]\nname = "cart"\n'}, {"target.command": ["env", "PORT={port}", "./target/release/cart"]}),
    ("Dockerfile", {"Dockerfile": "FROM scratch\n"},
     {"target.command": ["docker", "run", "--rm", "--init", "--network", "host", "--env", "PORT={port}", "folder:{version}"]}),
    ("nothing", {}, {"app": "folder", "target.command": ["./folder", "--port", "{port}"], "health.url": "http://{endpoint}/health"}),
    ("health in a source file", {"src/app.py": 'route("/healthz")'}, {"health.url": "http://{endpoint}/healthz"}),
    ("a longer path is another", {"app.js": "get('/healthcheck-of-others')"}, {"health.url": "http://{endpoint}/health"}),
    ("not in what others wrote", {"node_modules/x/app.js": 'get("/ping")'}, {"health.url": "http://{endpoint}/health"}),
    ("HAProxy", {"haproxy.cfg": HAPROXY}, {"router.socket": "/run/lb/admin.sock", "router.backend": "shop"}),
    ("an unusable name", {"package.json": '{"name": "!?"}'}, {"app": "folder"}),
    ("a hostile name", {"package.json": '{"name": "a\\n  evil: yes #\\"\'", "scripts": {"start": "x"}}'}, {"app": "aevilyes"}),
    ("a hostile command", {"Procfile": "web: ./x '] \"evil: \\ # {port}\n"},
     {"target.command": ["env", "PORT={port}", "sh", "-c", "./x '] \"evil: \\ # {port}"]}),
    ("files that are nonsense", {"package.json": "{", "go.mod": "\0\xff", "Cargo.toml": "name = 3", "Procfile": "web:\n", "haproxy.cfg": "stats socket\nbackend\n"},
     {"app": "folder"}),
    ("a hostile file name", {"a\n  evil: 1.py": 'x = "/health"'}, {"health.url": "http://{endpoint}/health"}),
]


class Init(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "folder")
        os.mkdir(self.folder)
        self.document = os.path.join(folder.name, "rollout.yaml")

    def nipops(self, *arguments):
        return subprocess.run([NIPOPS, *arguments], capture_output=True, text=True, timeout=60)

    def init(self, *options):
        return self.nipops("init", self.folder, "--out", self.document, "--haproxy-config", self.folder + "/haproxy.cfg", *options)

    def fill(self, files):
        for name, text in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="latin-1") as file:
                file.write(text)

    def test_what_is_found(self):
        for what, files, wanted in FOUND:
            with self.subTest(what):
                self.setUp()
                self.fill(files)
                done = self.init()
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                checked = self.nipops("check", self.document)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""))
                with open(self.document, encoding="utf-8") as file:
                    document = yaml.safe_load(file)
                self.assertEqual(list(document), ["rollout"])
                self.assertNotIn("evil", document["rollout"])
                self.assertEqual(document["rollout"]["target"]["folder"], os.path.realpath(self.folder))
                for place, value in wanted.items():
                    found = document["rollout"]
                    for key in place.split("."):
                        found = found[key]
                    self.assertEqual(found, value)

    def test_nothing_is_overwritten(self):
        with open(self.document, "w", encoding="utf-8") as file:
            file.write("mine")
        refused = self.init()
        self.assertEqual(refused.returncode, 2)
        self.assertEqual(refused.stderr.count("\n"), 1)
        self.assertIn("--force", refused.stderr)
        with open(self.document, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")
        self.assertEqual(self.init("--force").returncode, 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.document).st_mode), 0o600)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.document))), ["folder", "rollout.yaml"])

    def test_what_cannot_be(self):
        for status, arguments in ((2, (self.folder + "/nowhere",)), (1, (self.folder, "--out", self.folder + "/no/such/rollout.yaml"))):
            done = self.nipops("init", *arguments)
            self.assertEqual(done.returncode, status)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_guesses_are_called_so(self):
        done = self.init()
        self.assertIn("a guess", done.stdout)
        self.fill({"Procfile": "web: x $PORT\n", "app.py": '"/healthz"', "haproxy.cfg": HAPROXY})
        done = self.init("--force")
        self.assertNotIn("a guess", done.stdout)
        self.assertIn("from Procfile", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
