#!/usr/bin/python3
"""Dependencies of a rollout: a real PostgreSQL, a real Redis, an SQLite file and web servers, each with what can be wrong with it, and
peers that say nothing or too much. Each reason is seen, each failure says what would mend it, and no secret is told anywhere.

usage: preflight.py PATH-OF-NIPOPS PATH-OF-REDIS-SERVER FOLDER-OF-POSTGRES|none
"""

import base64
import http.server
import json
import os
import pwd
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import cli

REDIS, POSTGRES = sys.argv[2], None if sys.argv[3] == "none" else sys.argv[3]
SECRET, WRONG = "s3cret-and-right'\\ %", "s3cret-and-wrong"
SECRETS = (SECRET, WRONG, "s3cret")
PATIENCE = 30

DOCUMENT = """\
rollout:
  app: shop
  artifact: /bin/sleep
  replicas: 1
  target: {{driver: local, command: [/bin/sleep, "1000"], ports: {port}-{port}}}
  router: {{driver: sim}}
  health: {{command: ["true", "{{port}}"], interval: 100ms}}
  preflight:
    dependencies: {dependencies}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate(folder):
    """A certificate for localhost that is its own authority."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


class Peer:
    """Accepts connections and does `talk` with each, in a thread of its own, until it is stopped."""

    def __init__(self, talk):
        self.talk, self.stopping = talk, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            self.talk(client, self.stopping)
        except OSError:
            pass
        finally:
            client.close()

    def stop(self):
        self.stopping.set()
        self.listener.close()


def silent(_, stopping):
    stopping.wait(PATIENCE)


def endless(chunk, first=b""):
    def talk(client, stopping):
        client.sendall(first)
        while not stopping.is_set():
            client.sendall(chunk)
    return talk


def says(text):
    def talk(client, _):
        client.recv(65536)
        client.sendall(text)
    return talk


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = "Basic " + base64.b64encode(f"shop:{SECRET}".encode()).decode()
        login = self.headers.get("Authorization")
        status = {"/login": 204 if login == right else 401, "/forbidden": 403, "/broken": 503}.get(self.path.partition("?")[0], 200)
        body = b"" if status == 204 else json.dumps({"schema": 41, "heard": login}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Case(cli.Case):
    def setUp(self):
        super().setUp()
        self.env.update(RIGHT=SECRET, WRONG=WRONG)
        self.expected = []
        for name in [name for name in self.env if name.startswith("PG")]:
            del self.env[name]

    def write_secret(self, name, text):
        return self.write(name, text + "\n")

    def ask(self, *dependencies):
        """What a rollout's preflight finds: its dependencies and its lines. No secret stands in anything that is written."""
        path = self.write("rollout.yaml", DOCUMENT.format(port=free_port(), dependencies=json.dumps(dependencies)))
        store = f"sqlite:{self.folder}/j{time.monotonic_ns()}.db"
        began = time.monotonic()
        done = self.nipops("rollout", path, "--store", store)
        self.took = time.monotonic() - began
        journal = self.nipops("journal", "shop", "--json", "--store", store, status=0).stdout
        told = [done.stdout, done.stderr, journal]
        for more in (["status", "shop"], ["status", "shop", "--json"], ["plan", path]):
            told.append(self.nipops(*more, "--store", store).stdout)
        for secret in SECRETS:
            for text in told:
                self.assertNotIn(secret, text)
                self.assertNotIn(json.dumps(secret)[1:-1], text)
        records = json.loads(journal)
        records = records["records"] if isinstance(records, dict) else records
        results = [r["payload"]["result"] for r in records if r["kind"] == "action.completed" and "dependencies" in r["payload"].get("result", {})]
        self.assertEqual(len(results), 1, done.stdout + done.stderr)
        self.output = done.stdout
        if not results[0]["ok"]:
            self.assertNotEqual(done.returncode, 0)
            for problem in results[0]["problems"][:3]:
                self.assertIn(problem, done.stdout)
        return results[0]["dependencies"]

    def expect(self, reason, line, **dependency):
        """A dependency to ask by `all`, and what is to be found: its reason (None: all is well) and a part of its line."""
        self.expected.append((reason, line, dependency))

    def all(self):
        """Asks all that were named since the last time, at once."""
        expected, self.expected = self.expected, []
        everything = self.ask(*(dependency for _, _, dependency in expected))
        for (reason, line, dependency), found in zip(expected, everything):
            with self.subTest(dependency=dependency):
                self.assertEqual(found.get("reason"), reason, found)
                self.assertIn(line, f"{found.get('detail')}: {found.get('advice')}")
        return everything


class Local(Case):
    def test_sqlite(self):
        path = os.path.join(self.folder, "shop.db")
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE migrations (version INTEGER)")
        db.execute("INSERT INTO migrations VALUES (40), (41)")
        db.commit()
        url = "sqlite:" + path
        self.expect(None, "", url=url, schema={"expect": 41, "table": "migrations"})
        self.all() # while a writer has it open
        db.close()
        self.expect("schema_behind", "schema version is 41, at least 42 is expected: run the migration first", url=url,
                 schema={"at_least": 42, "table": "migrations"})
        self.expect("no_file", "create the database", url=url + ".none")
        self.all()
        self.assertFalse(os.path.exists(path + ".none"))

    def test_sqlite_that_was_interrupted(self):
        """A writer that was killed leaves a journal, or a log; whoever may only read can do nothing about either."""
        for mode, says in (("DELETE", "shop.db-journal"), ("WAL", "shop.db-wal")):
            with self.subTest(mode=mode), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "shop.db")
                code = ("import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('PRAGMA journal_mode = ' + sys.argv[2]);"
                        "db.execute('PRAGMA cache_size = 5'); db.execute('CREATE TABLE t (x)'); db.execute('BEGIN');"
                        "db.executemany('INSERT INTO t VALUES (?)', ((b'x' * 4000,) for _ in range(500)));"
                        "db.execute('COMMIT') if sys.argv[2] == 'WAL' else None; os.kill(os.getpid(), 9)")
                self.assertEqual(subprocess.run([sys.executable, "-c", code, path, mode]).returncode, -9)
                self.assertGreater(os.path.getsize(os.path.join(folder, says)), 1000)
                if mode == "WAL":
                    os.unlink(path + "-shm")
                self.expect("interrupted", "start the app, or open the database once as its owner", url="sqlite:" + path)
                self.all()
                db = sqlite3.connect(path) # as its owner
                db.execute("SELECT count(*) FROM t").fetchall()
                db.close()
                self.expect(None, "", url="sqlite:" + path)
                self.all()

    def test_web(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        base = f"http://127.0.0.1:{server.server_port}"
        self.expect(None, "", url=base + "/", schema={"expect": 41, "pointer": "/schema"})
        self.expect("unhealthy", "status 503", url=base + "/broken?token=hidden")
        self.expect("auth_required", "it wants to know who asks", url=base + "/login")
        self.expect(None, "", url=base + "/login", user="shop", password={"env": "RIGHT"})
        self.expect("auth_failed", "set the password that the server knows, in WRONG", url=base + "/login", user="shop", password={"env": "WRONG"})
        self.expect("not_allowed", "grant it to this user", url=base + "/forbidden")
        self.expect("schema_differs", "run the migration first", url=base + "/", user="shop", password={"env": "RIGHT"},
                 schema={"expect": "x", "pointer": "/heard"})
        self.expect(None, "", url=f"tcp://127.0.0.1:{server.server_port}")
        self.expect("connection_refused", "start the server", url=f"tcp://127.0.0.1:{free_port()}")
        self.all()

    def test_tls(self):
        cert, key = certificate(self.folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"https://localhost:{server.server_port}/?token=hidden"
        self.expect("tls_failed", "give tls.ca_file the authority that signed", url=url)
        self.expect(None, "", url=url, tls={"ca_file": cert})
        self.expect("tls_failed", "or correct the host's name", url=url.replace("localhost", "127.0.0.1"), tls={"ca_file": cert})
        self.expect(None, "", url=url.replace("localhost", "127.0.0.1"), tls={"ca_file": cert, "server_name": "localhost"})
        for found in self.all():
            self.assertNotIn("hidden", str(found))

    def test_peers_that_say_nothing_or_too_much(self):
        peers = [Peer(silent), Peer(endless(b"x" * 65536)), Peer(endless(b"+OK\r\n" * 10000))]
        for peer in peers:
            self.addCleanup(peer.stop)
        schemes = ["http://127.0.0.1:{}/", "redis://127.0.0.1:{}/1"] + (["postgres://shop@127.0.0.1:{}/shop"] if POSTGRES else [])
        found = self.ask(*({"url": scheme.format(peer.port), "timeout": "2s"} for peer in peers for scheme in schemes))
        self.assertLess(self.took, 20)
        for one in found[:len(schemes)]:
            self.assertEqual(one["reason"], "timeout", one)
        for one in found[len(schemes):]:
            self.assertIn(one["reason"], ("protocol", "too_large", "timeout"), one)

    def test_a_secret_that_is_not_there(self):
        self.expect("no_secret", "the environment variable NO_SUCH_NAME is not set: set it for whoever runs the rollout", url={"env": "NO_SUCH_NAME"})
        self.expect("no_secret", "set it for whoever runs the rollout", url={"file": self.folder + "/none"})
        self.expect("bad_address", "must begin with one of", url={"env": "RIGHT"})
        self.assertNotIn("url", self.all()[2])


class Redis(Case):
    def start_redis(self, *settings, port=True):
        folder = tempfile.mkdtemp(dir=self.folder)
        self.port = free_port()
        arguments = ["--bind", "127.0.0.1", "--save", "", "--dir", folder, "--port", str(self.port) if port else "0", *settings]
        process = subprocess.Popen([REDIS, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end_process, process)
        self.wait_until_it_listens(self.port if port else self.tls_port)
        return f"redis://127.0.0.1:{self.port}"

    @staticmethod
    def end_process(process):
        process.terminate()
        process.wait(PATIENCE)

    def wait_until_it_listens(self, port):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                self.assertLess(time.monotonic(), end, "redis-server does not listen")
                time.sleep(0.05)

    def tell(self, *commands):
        """Commands as bytes, and what came back."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            for words in commands:
                client.sendall(f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
                self.assertNotEqual(client.recv(4096)[:1], b"-", words)

    def test_a_server_without_password(self):
        url = self.start_redis()
        self.tell(["SET", "version", "41"])
        self.expect(None, "", url=url + "/0", schema={"expect": 41, "key": "version"})
        self.expect("schema_behind", "schema version is 41, 42 is expected: run the migration first", url=url, schema={"expect": 42, "key": "version"})
        self.expect("no_version", "it has no key none: run the first migration, or correct schema.key", url=url, schema={"expect": 42, "key": "none"})
        self.expect("no_database", "it has no database of this number", url=url + "/99")
        self.expect("auth_failed", "a password is given, but the server has none for its default user", url=url, password={"env": "RIGHT"})
        self.expect(None, "", url=url, writable=True)
        self.all()
        self.tell(["REPLICAOF", "127.0.0.1", str(free_port())])
        self.expect("read_only", "give the address of the server that takes writes", url=url, writable=True)
        self.all()
        self.tell(["CONFIG", "SET", "replica-serve-stale-data", "no"])
        self.expect("starting", "it is a replica that has lost its master: wait until it is up", url=url)
        self.all()

    def test_users_and_passwords(self):
        url = self.start_redis("--requirepass", "s3cret")
        where = self.write_secret("address", url.replace("//", "//:s3cret@"))
        self.expect("auth_required", "it wants a password", url=url)
        self.expect("auth_failed", "set the password that the server knows, in WRONG", url=url, password={"env": "WRONG"})
        self.expect(None, "", url={"file": where})
        self.all()
        self.tell(["AUTH", "s3cret"], ["ACL", "SETUSER", "shop", "on", ">" + SECRET, "+ping", "+auth"])
        self.expect(None, "", url=url, user="shop", password={"env": "RIGHT"})
        self.expect("not_allowed", "the user may not do that: grant it to this user", url=url + "/1", user="shop", password={"env": "RIGHT"})
        self.all()

    def test_no_connection_left(self):
        url = self.start_redis("--maxclients", "1")
        with socket.create_connection(("127.0.0.1", self.port)) as held:
            while True: # the one that looked whether it listens may still be there
                held.sendall(b"PING\r\n")
                if held.recv(100) == b"+PONG\r\n":
                    break
                held = socket.create_connection(("127.0.0.1", self.port))
                self.addCleanup(held.close)
            found = self.ask({"url": url})[0]
            self.assertIn(found.get("reason"), ("too_many", "reset"), found) # the server may be gone before it was asked

    def test_tls(self):
        cert, key = certificate(self.folder)
        self.tls_port = free_port()
        self.start_redis("--tls-port", str(self.tls_port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no",
                         "--requirepass", SECRET, port=False)
        url = f"rediss://localhost:{self.tls_port}"
        self.expect(None, "", url=url, password={"env": "RIGHT"}, tls={"ca_file": cert})
        self.expect("tls_failed", "give tls.ca_file the authority", url=url, password={"env": "RIGHT"})
        self.expect("auth_failed", "in WRONG", url=url, password={"env": "WRONG"}, tls={"ca_file": cert})
        self.all()

    def test_something_else(self):
        for text in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"-ERR unknown command 'AUTH' with args 's3cret-and-wrong'\r\n"):
            peer = Peer(says(text))
            self.addCleanup(peer.stop)
            self.expect("protocol", "correct the address: something else answers there", url=f"redis://127.0.0.1:{peer.port}", password={"env": "WRONG"})
        self.all()


@unittest.skipUnless(POSTGRES, "built without libpq")
class Postgres(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder_of_all = tempfile.mkdtemp(prefix="nipops-postgres-")
        cls.port, cls.data = free_port(), os.path.join(cls.folder_of_all, "data")
        cls.user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        cls.cert, cls.key = certificate(cls.folder_of_all)
        if cls.user is not None:
            for path in (cls.folder_of_all, cls.cert, cls.key):
                os.chown(path, cls.user.pw_uid, cls.user.pw_gid)
        os.chmod(cls.key, 0o600)
        password = os.path.join(cls.folder_of_all, "password")
        with open(password, "w") as out:
            out.write(SECRET)
        os.chmod(password, 0o644)
        cls.run_there("initdb", "-D", cls.data, "-U", "admin", "--pwfile", password, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
        os.unlink(password)
        cls.process = None
        cls.start_server()
        cls.sql("CREATE ROLE shop LOGIN PASSWORD 's3cret'", "CREATE ROLE poor LOGIN PASSWORD 's3cret'", "CREATE ROLE few LOGIN PASSWORD 's3cret' CONNECTION LIMIT 0")
        cls.sql("CREATE DATABASE shop OWNER shop")
        cls.sql("CREATE TABLE migrations (version bigint)", "INSERT INTO migrations VALUES (40), (41)", "CREATE TABLE empty (version text)",
                "CREATE TABLE words (version varchar)", "INSERT INTO words VALUES ('9'), ('10'), ('1.2'), ('base'), (NULL)", "GRANT SELECT ON words TO shop",
                "GRANT SELECT ON migrations, empty TO shop", "CREATE SCHEMA app", "CREATE TABLE app.state (release text)", "INSERT INTO app.state VALUES ('a1')",
                "GRANT USAGE ON SCHEMA app TO shop", "GRANT SELECT, INSERT, DELETE ON app.state TO shop", database="shop")

    @classmethod
    def tearDownClass(cls):
        cls.stop_server()
        shutil.rmtree(cls.folder_of_all, ignore_errors=True)

    @classmethod
    def become(cls):
        os.setgid(cls.user.pw_gid)
        os.setuid(cls.user.pw_uid)

    @classmethod
    def options(cls):
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        return {"env": env, "cwd": cls.folder_of_all, "preexec_fn": cls.become if cls.user is not None else None}

    @classmethod
    def run_there(cls, program, *arguments):
        done = subprocess.run([os.path.join(POSTGRES, program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **cls.options())
        if done.returncode != 0:
            raise AssertionError(done.stdout)

    @classmethod
    def start_server(cls):
        settings = {"port": cls.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": cls.folder_of_all, "fsync": "off", "ssl": "on",
                    "ssl_cert_file": cls.cert, "ssl_key_file": cls.key, "max_connections": 20}
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        cls.log = open(os.path.join(cls.folder_of_all, "log"), "ab")
        cls.process = subprocess.Popen([os.path.join(POSTGRES, "postgres"), "-D", cls.data, *arguments], stdout=cls.log, stderr=cls.log, **cls.options())
        end = time.monotonic() + PATIENCE
        while subprocess.run([os.path.join(POSTGRES, "pg_isready"), "-q", "-h", cls.folder_of_all, "-p", str(cls.port)], **cls.options()).returncode != 0:
            if time.monotonic() > end or cls.process.poll() is not None:
                raise AssertionError("PostgreSQL does not start")
            time.sleep(0.1)

    @classmethod
    def stop_server(cls):
        if cls.process is not None:
            cls.process.send_signal(2)
            cls.process.wait(PATIENCE)
            cls.log.close()

    @classmethod
    def sql(cls, *commands, database="postgres"):
        options = cls.options()
        options["env"]["PGPASSWORD"] = SECRET
        for command in commands:
            subprocess.run([os.path.join(POSTGRES, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", cls.folder_of_all, "-p", str(cls.port), "-U", "admin",
                            "-d", database, "-c", command], check=True, **options)

    def setUp(self):
        super().setUp()
        self.env["GOOD"] = "s3cret"
        self.url = f"postgres://shop@127.0.0.1:{self.port}/shop"

    def shop(self, reason, line, **more):
        self.expect(reason, line, **{"url": self.url, "password": {"env": "GOOD"}, **more})

    def test_logging_in(self):
        self.shop(None, "")
        self.shop(None, "", url=self.url.replace("127.0.0.1", "localhost"))
        self.shop("auth_required", "it wants a password of user shop", password=None)
        self.shop("auth_failed", "password refused for user shop: set the password that the server knows, in WRONG", password={"env": "WRONG"})
        self.shop("auth_failed", "password refused for user nobody-here", url=self.url.replace("shop@", "nobody-here@"))
        self.shop("no_database", "there is no database none: create the database, or correct its name in the address", url=self.url[:-4] + "none")
        self.shop("too_many", "close connections", url=self.url.replace("shop@", "few@"))
        self.shop("connection_refused", "start the server", url=f"postgres://shop@127.0.0.1:{free_port()}/shop")
        self.shop("resolve_failed", "correct the host's name", url="postgres://shop@no-such-host.invalid/shop")
        self.shop(None, "", writable=True)
        self.assertEqual(self.all()[3]["url"], f"postgres://127.0.0.1:{self.port}/shop")

    def test_addresses_from_elsewhere(self):
        self.env["SHOP_DB"] = self.url.replace("shop@", "shop:s3cret@")
        self.expect(None, "", url={"env": "SHOP_DB"})
        self.all()
        self.env["SHOP_DB"] = self.url.replace("shop@", "shop:s3cret-and-wrong@")
        self.expect("auth_failed", "password refused for user shop: set the password that the server knows, in SHOP_DB", url={"env": "SHOP_DB"})
        found = self.all()[0]
        self.assertIn(f"postgres://127.0.0.1:{self.port}/shop: password refused for user shop: set the password", self.output)
        self.assertEqual(found["url"], f"postgres://127.0.0.1:{self.port}/shop")
        self.env["SHOP_DB"] = self.url.replace("shop@", "")
        self.expect("bad_address", "it must name a user", url={"env": "SHOP_DB"})
        self.all()

    def test_unix_sockets(self):
        self.shop(None, "", url=f"postgres://shop@:{self.port}/shop?host={self.folder_of_all}", schema={"expect": 41, "table": "migrations"})
        self.shop("connection_refused", "nobody listens in", url=f"postgres://shop@:{free_port()}/shop?host={self.folder_of_all}")
        self.all()

    def test_versions(self):
        self.shop(None, "", schema={"expect": 41, "table": "migrations"})
        self.shop(None, "", schema={"at_least": 40, "table": "public.migrations", "column": "version"})
        self.shop("schema_behind", "schema version is 41, 42 is expected: run the migration first", schema={"expect": 42, "table": "migrations"})
        self.shop(None, "", schema={"expect": 10, "table": "words"}) # which comes before 9 in the alphabet
        self.shop("schema_ahead", "schema version is 10, 9 is expected", schema={"expect": 9, "table": "words"})
        self.shop("schema_ahead", "roll out a version that fits", schema={"expect": 40, "table": "migrations"})
        self.shop(None, "", schema={"expect": "a1", "query": "SELECT release FROM app.state"})
        self.shop("schema_differs", "schema version is \"a1\", b2 is expected", schema={"expect": "b2", "table": "app.state", "column": "release"})
        self.shop("no_version", "its schema has no version yet", schema={"expect": 1, "table": "empty"})
        self.shop("no_version", "the query gives no row", schema={"expect": 1, "query": "SELECT version FROM empty"})
        self.shop("query_failed", 'relation "none" does not exist', schema={"expect": 1, "table": "none"})
        self.shop("query_failed", "cannot insert multiple commands", schema={"expect": 1, "query": "SELECT 1; SELECT 2"})
        self.shop("query_failed", "it must be a SELECT", schema={"expect": 41, "query": "COPY (SELECT 41) TO STDOUT"})
        self.shop("not_allowed", "user poor may not read that", url=self.url.replace("shop@", "poor@"), schema={"expect": 1, "table": "migrations"})
        self.shop("timeout", "", timeout="700ms", schema={"expect": 1, "query": "SELECT pg_sleep(20)"})
        self.shop(None, "", schema={"expect": 1, "query": "SELECT generate_series(1, 100000000)"}) # only its first row is taken
        self.all()
        self.assertLess(self.took, 15)

    def test_nothing_is_written(self):
        for query in ("DELETE FROM app.state RETURNING release", "INSERT INTO app.state VALUES ('b2') RETURNING release"):
            self.shop("query_failed", "user shop may only read here", schema={"expect": "x", "query": query})
        self.shop("query_failed", "", schema={"expect": "x", "query": "COMMIT"})
        self.all()
        self.shop(None, "", schema={"expect": "1", "query": "SELECT count(*) FROM app.state"})
        self.all()

    def test_tls(self):
        url = self.url.replace("127.0.0.1", "localhost") + "?sslmode=verify-full"
        self.shop(None, "", url=url, tls={"ca_file": self.cert})
        self.shop("tls_failed", "give tls.ca_file the authority", url=url, tls={"ca_file": self.write("none.pem", "")})
        peer = Peer(says(b"N"))
        self.addCleanup(peer.stop)
        self.shop("tls_failed", "let the server speak TLS", url=f"postgres://shop@127.0.0.1:{peer.port}/shop?sslmode=require")
        self.shop("tls_failed", "or correct the host's name", url=url.replace("localhost", "127.0.0.1"), tls={"ca_file": self.cert})
        self.all()

    def test_the_environment_says_nothing(self):
        self.env.update(PGUSER="nobody-here", PGPASSWORD=WRONG, PGHOST="127.0.0.2", PGHOSTADDR="127.0.0.2", PGPORT="1", PGDATABASE="none", PGSSLMODE="verify-full",
                        PGOPTIONS="-c no_such_setting=1", PGSSLROOTCERT="/none", PGPASSFILE=self.write_secret("pgpass", "*:*:*:*:s3cret"), PGREQUIREPEER="x")
        self.shop(None, "")
        self.all()
        os.chmod(self.folder + "/pgpass", 0o600)
        self.shop("auth_required", "it wants a password", password=None)
        self.all()
        self.env["PGTZ"] = "No/Where" # which libpq sends, whatever it is told
        self.shop("refused", "it refuses with SQLSTATE 22023: look into the server's log")
        self.all()
        self.env["PGSERVICE"] = "shop"
        self.shop("environment", "unset it for whoever runs the rollout")
        self.all()

    def test_something_else(self):
        for text in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"N", b"", b"R\x00\x00\x00\x08\x00\x00\x00\x63", b"E\x00\x00\x00\x08C1\x00\x00"):
            peer = Peer(says(text))
            self.addCleanup(peer.stop)
            self.shop("protocol", "correct the address: something else answers there", url=f"postgres://shop@127.0.0.1:{peer.port}/shop")
        self.all()

    def test_a_copy_that_nobody_asked_for(self):
        for kind in (b"H", b"G", b"W"):
            def talk(client, stopping, kind=kind):
                client.recv(65536)
                client.sendall(b"N")
                client.recv(65536)
                client.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I")
                client.recv(65536)
                client.sendall(kind + b"\x00\x00\x00\x07\x00\x00\x00")
                stopping.wait(PATIENCE)

            peer = Peer(talk)
            self.addCleanup(peer.stop)
            for more in ({"writable": True}, {"schema": {"expect": 1, "table": "t"}}):
                self.shop("protocol", "correct the address: something else answers there", url=f"postgres://shop@127.0.0.1:{peer.port}/shop", **more)
        self.all()
        self.assertLess(self.took, 15)

    def test_a_login_that_never_ends(self):
        status = b"S\x00\x00\x00\x0ca\x00" + b"b" * 5 + b"\x00"
        login = b"N"

        def talk(client, stopping):
            client.recv(65536)
            client.sendall(login)
            client.recv(65536)
            client.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x00")
            while not stopping.is_set():
                client.sendall(status * 5000)

        peer = Peer(talk)
        self.addCleanup(peer.stop)
        self.shop("too_large", "it sends more than 1 MiB", url=f"postgres://shop@127.0.0.1:{peer.port}/shop", timeout="20s")
        self.all()
        self.assertLess(self.took, 15)


class Guide(Case):
    def test_its_commands_do_what_it_says(self):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guide-preflight.md")) as guide:
            text = guide.read()
        port, blocks = str(free_port()), ["\n".join(line[4:] for line in block.splitlines()) for block in text.split("\n\n") if block.startswith("    ")]
        instance = free_port() # the guide's are those of the simulated router
        here = [block.replace("8765", port).replace("9100-9199", f"{instance}-{instance}")
                .replace("{driver: sim}", f"{{driver: sim, ports: {instance}-{instance}}}") for block in blocks[:3]]
        self.env["PATH"] = os.path.dirname(cli.NIPOPS) + ":" + self.env["PATH"]
        run = lambda commands: subprocess.run(["bash", "-c", commands], env=self.env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                              text=True, timeout=120)
        refused = run(here[0])
        self.assertEqual(refused.returncode, 3, refused.stdout)
        self.assertIn(here[1], refused.stdout)
        mended = run(here[2])
        self.assertEqual(mended.returncode, 0, mended.stdout)
        self.assertRegex(mended.stdout, r"(?m)^shop-\d+ succeeded: first release of shop")


class WithoutLibpq(Case):
    @unittest.skipIf(POSTGRES, "built with libpq")
    def test_documents_are_refused(self):
        path = self.write("rollout.yaml", DOCUMENT.format(port=free_port(), dependencies=json.dumps([{"url": "postgres://shop@db/shop"}])))
        for command in ("check", "plan", "rollout"):
            done = self.nipops(command, path, status=2)
            self.assertIn("build the library with libpq (-Dlibpq=enabled)", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    cli.NIPOPS = os.path.abspath(sys.argv[1])
    del sys.argv[1:4]
    unittest.main()
