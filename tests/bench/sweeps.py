"""
Health sweeps beside other clients: the same server, the same checks, library and peers in turn. Clients run on one core and
the server on another one.
"""
import os
import re
import resource
import shutil
import socket
import subprocess
import time

from figures import at_most, figure, median, not_measured, note, ratio, rounds, take, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
MANY, SOME = 10000, 1000
IN_FLIGHT = 64
DELAY_MS = 20
CLIENT, SERVER = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/t;
  proxy_temp_path {folder}/t;
  fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t;
  scgi_temp_path {folder}/t;
  default_type application/json;
  server {{ listen {port} backlog=4096; location / {{ return 200 '{{"status":"healthy"}}'; }} }}
  server {{
    listen {tls_port} ssl backlog=4096;
    ssl_certificate {folder}/leaf.pem;
    ssl_certificate_key {folder}/leaf.key;
    location / {{ return 200 '{{"status":"healthy"}}'; }}
  }}
}}
"""
BLACKBOX = """
modules:
  healthy:
    prober: http
    timeout: 5s
    http: {fail_if_body_not_matches_regexp: ['"status":"healthy"'], preferred_ip_protocol: ip4}
"""
CERTIFICATES = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=sweep.example
printf 'subjectAltName=DNS:sweep.example,IP:127.0.0.1' > names
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out leaf.pem
cat /etc/ssl/certs/ca-certificates.crt ca.pem > authorities.pem
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens at port {port}")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Sweeps:
    """The servers and the programs; `one_round` runs each of them once."""

    def __init__(self, build, programs):
        self.build, self.programs = build, programs
        self.folder = os.path.abspath(os.path.join(build, "sweeps"))
        self.children = []
        self.has_go = os.path.exists(self._program("sweep_peer"))
        self.has_blackbox = shutil.which("prometheus-blackbox-exporter") is not None
        self.port, self.tls_port, self.blackbox_port = free_port(), free_port(), free_port()
        self.blackbox = None
        self.slow, self.dead = 0, 0

    def _program(self, name):
        return os.path.join(self.programs, name)

    # ---- servers ----

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        subprocess.run(["sh", "-e", "-c", CERTIFICATES], cwd=self.folder, check=True, capture_output=True)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._write("nginx.conf", NGINX.format(folder=self.folder, port=self.port, tls_port=self.tls_port,
                                               files=files, connections=files - 100))
        self._write("blackbox.yml", BLACKBOX)
        self._child([*SERVER, "nginx", "-c", os.path.join(self.folder, "nginx.conf")])
        wait_for(self.port)
        if self.has_blackbox:
            self.blackbox = self._child([*CLIENT, "prometheus-blackbox-exporter", "--log.level=error",
                                         f"--config.file={self.folder}/blackbox.yml",
                                         f"--web.listen-address=127.0.0.1:{self.blackbox_port}"])
            wait_for(self.blackbox_port)
        self.slow, self.dead = self._answering(DELAY_MS), self._answering(-1)

    def stop(self):
        for child in self.children:
            child.terminate()
            child.wait()

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as out:
            out.write(text)

    def _child(self, command):
        pipe, silent = subprocess.PIPE, subprocess.DEVNULL
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=silent, text=True,
                                 env={**os.environ, "GOMAXPROCS": "1"})
        self.children.append(child)
        return child

    def _answering(self, delay_ms):
        return int(self._child([*SERVER, self._program("sweep_server"), str(delay_ms)]).stdout.readline())

    # ---- one round ----

    def one_round(self):
        self._one_host()
        self._many_hosts()
        self._slow()
        self._tls()

    def _run(self, name, command, **environment):
        take(name + ".", [*CLIENT, *command], environment={**os.environ, "GOMAXPROCS": "1", **environment})

    def _own(self, name, kind, port, targets, hosts=1, rounds=1, more="", dead=None):
        command = [self._program("sweep"), kind, port, targets, hosts, rounds, more, *([dead] if dead else [])]
        self._run(name, [str(part) for part in command])

    def _peer(self, name, program, kind, port, targets, hosts=1, rounds=1, in_flight=IN_FLIGHT):
        if program == "go" and not self.has_go:
            return
        command = [self._program("sweep_peer")] if program == "go" else [self._program("sweep_peers"), program]
        command += [kind, port, targets, hosts, rounds, in_flight]
        self._run(name, [str(part) for part in command], SSL_CERT_FILE=os.path.join(self.folder, "authorities.pem"))

    def _python(self, name, kind, scheme, port, targets, hosts=1):
        command = [PYTHON, os.path.join(HERE, "sweep_peers.py"), kind, f"{scheme}://HOST:{port}/", targets, hosts]
        self._run(name, [str(part) for part in command], SSL_CERT_FILE=os.path.join(self.folder, "authorities.pem"))

    def _wrk(self, name, *arguments):
        url = f"http://127.0.0.1:{self.port}/"
        command = [*CLIENT, "wrk", "-t1", f"-c{IN_FLIGHT}", "-d1s", *arguments, url]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        note(name + ".per_second", float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1)))

    def _probes(self):
        """blackbox_exporter on the clients' core, asked from the server's: what one core can do is counted by its CPU time."""
        if not self.has_blackbox:
            return
        url = f"http://127.0.0.1:{self.blackbox_port}/probe?module=healthy&target=http://127.0.0.1:{self.port}/"
        before = cpu_seconds(self.blackbox.pid)
        done = subprocess.run([*SERVER, "wrk", "-t1", "-c16", "-d2s", url], capture_output=True, check=True, text=True)
        probes = int(re.search(r"(\d+) requests in", done.stdout).group(1))
        note("blackbox.cpu_us", (cpu_seconds(self.blackbox.pid) - before) / probes * 1e6)

    def _one_host(self):
        self._wrk("wrk_keep")
        self._peer("curl_keep", "curl", "keep", self.port, MANY)
        self._own("keep", "keep", self.port, MANY)
        self._peer("go_keep", "go", "keep", self.port, MANY)
        self._python("session", "session", "http", self.port, SOME)
        self._wrk("wrk_new", "-H", "Connection: close")
        self._peer("curl_new", "curl", "new", self.port, MANY)
        self._own("new", "new", self.port, MANY)
        self._peer("go_new", "go", "new", self.port, MANY)
        self._python("get", "get", "http", self.port, SOME)
        self._probes()

    def _many_hosts(self):
        self._peer("raw_pool", "raw", "keep", self.port, SOME, SOME, 10)
        self._own("pool", "keep", self.port, SOME, SOME, 10)
        self._peer("go_pool", "go", "keep", self.port, SOME, SOME, 10)
        self._own("new_1000", "new", self.port, SOME, SOME, 10)
        self._own("new_10000", "new", self.port, MANY, MANY)
        self._own("pool_10000", "keep", self.port, MANY, MANY, 10)
        self._peer("go_pool_10000", "go", "keep", self.port, MANY, MANY, 3)

    def _slow(self):
        self._own("slow_cold", "keep", self.slow, SOME, SOME)
        self._own("slow_pool", "keep", self.slow, SOME, SOME, 10)
        self._python("threads", "threads", "http", self.slow, SOME, SOME)
        self._python("sequential", "get", "http", self.slow, 50, 50)
        timeout = ',"try_timeout":"1s","in_flight":'
        self._own("dead", "new", self.port, 5 * SOME, 5 * SOME, 1, timeout + "256", f"10:{self.dead}")
        self._own("late", "new", self.port, SOME, SOME, 1, timeout + "1024", f"1:{self.dead}")
        self._own("full", "new", self.port, 1024, 1024, 1, timeout + "1024", f"1:{self.dead}")
        few = f"ulimit -n 256; exec {self._program('sweep')} keep {self.slow} {SOME} {SOME}"
        self._run("short", ["sh", "-c", few])

    def _tls(self):
        names = f',"tls":{{"ca_file":"{self.folder}/authorities.pem","server_name":"sweep.example"}}'
        self._own("tls_keep", "tls", self.tls_port, MANY, 1, 1, names)
        self._peer("go_tls_keep", "go", "tls", self.tls_port, MANY)
        self._own("tls_full", "tls-new", self.tls_port, SOME, SOME, 1, names)
        self._own("tls_resumed", "tls-new", self.tls_port, SOME, 1, 3, names)
        self._peer("go_tls_full", "go", "tls-new", self.tls_port, SOME)
        self._python("tls_get", "get", "https", self.tls_port, 20)
        self._own("tls_pool", "tls", self.tls_port, SOME, SOME, 1, names)
        self._own("tls_one", "tls", self.tls_port, SOME, 1, 1, names)
        pooled, one = (rounds[f"{name}.sweep_c_rss_mb"][-1] for name in ("tls_pool", "tls_one"))
        note("tls_pool.kb_each", (pooled - one) * 1000 / (SOME - IN_FLIGHT))

    # ---- rows ----

    def rows(self):
        return [*self._keep_rows(), *self._new_rows(), *self._host_rows(), *self._slow_rows(), *self._tls_rows()]

    def _against(self, what, own, peer_name, peer, least, has_peer=True, why="Go is not installed"):
        own += ".sweep_own_per_second"
        if not has_peer:
            return not_measured(what, peer_name, f">= {least}x", why)
        r = ratio(own, peer + ".per_second")
        shown = f"{peer_name}: {figure(peer + '.per_second', '/s')}"
        return [what, figure(own, "/s"), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]

    def _keep_rows(self):
        return [
            self._against(f"{MANY:,} checks of one host, connections kept, JSON compared", "keep", "wrk, no JSON",
                          "wrk_keep", 0.35),
            self._against("the same", "keep", "bare curl_multi_poll, 64 at once", "curl_keep", 0.85),
            self._against("the same", "keep", "Go net/http, 64 goroutines", "go_keep", 1.2, self.has_go),
            self._against("the same", "keep", "requests.Session", "session", 30),
            at_most("of it CPU time a check", "keep.sweep_own_cpu_us", "us", 1, 14, "bare curl", "curl_keep.cpu_us"),
        ]

    def _new_rows(self):
        rows = [
            self._against("the same, a new connection each", "new", "wrk", "wrk_new", 0.65),
            self._against("the same", "new", "bare curl_multi_poll, 64 at once", "curl_new", 0.85),
            self._against("the same", "new", "Go net/http, 64 goroutines", "go_new", 1.3, self.has_go),
            self._against("the same", "new", "requests.get", "get", 14),
        ]
        peer, goal = "blackbox_exporter, 16 at once", ">= 9x"
        if not self.has_blackbox:
            return [*rows, not_measured("the same, by CPU time", peer, goal, "prometheus-blackbox-exporter is missing")]
        own, r = "new.sweep_own_cpu_us", ratio("blackbox.cpu_us", "new.sweep_own_cpu_us")
        shown = f"{peer}: {figure('blackbox.cpu_us', 'us')}"
        return [*rows, ["the same, by CPU time", figure(own, "us", 1), shown, f"{r:.2f}x", goal, verdict(r >= 9)]]

    def _scale(self, what, large, small, least):
        large, small = f"{large}.sweep_own_per_second", f"{small}.sweep_own_per_second"
        r = ratio(large, small)
        shown = f"{SOME:,} hosts: {figure(small, '/s')}"
        return [what, figure(large, "/s"), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]

    def _host_rows(self):
        rows = [
            self._against(f"{SOME:,} hosts, ten times each, connections kept", "pool", "bare sockets", "raw_pool", 0.2),
            self._against("the same", "pool", "Go net/http, 64 goroutines", "go_pool", 1.25, self.has_go),
            self._scale(f"{MANY:,} hosts, a new connection each", "new_10000", "new_1000", 0.85),
            self._scale(f"{MANY:,} hosts, ten times each, connections kept", "pool_10000", "pool", 0.7),
        ]
        if not self.has_go:
            return rows
        own, peer = "pool_10000.sweep_c_rss_mb", "go_pool_10000.rss_mb"
        r = ratio(own, peer)
        shown = f"Go: {figure(peer, 'MB')}"
        return [*rows, ["of it memory", figure(own, "MB"), shown, f"{r:.2f}x the memory", "<= 0.25x", verdict(r <= 0.25)]]

    def _latencies(self, what, name, most):
        count = SOME / median(f"{name}.sweep_own_per_second") * 1000 / DELAY_MS
        return [what, f"{count:.2f} latencies", "", "", f"<= {most}", verdict(count <= most)]

    def _slow_rows(self):
        dead = median("dead.sweep_once_ms")
        ceiling = 5 * SOME / 10 * 1000 / 256  # milliseconds: so long do they that never answer fill 256 places
        late = median("late.sweep_once_ms") - 1000
        return [
            self._latencies(f"{SOME:,} hosts that answer after {DELAY_MS} ms, a sweep, first connections", "slow_cold", 4.5),
            self._latencies("the same, connections kept, a sweep of ten", "slow_pool", 2.5),
            self._against("the same", "slow_pool", "requests.get, 64 threads", "threads", 14),
            self._against("the same", "slow_pool", "requests.get, one after the other", "sequential", 400),
            [f"{5 * SOME:,} hosts, each tenth never answers: timeout 1 s, 256 at once", f"{dead:,.0f} ms",
             f"what those that never answer take alone: {ceiling:,.0f} ms", f"{ceiling / dead:.2f}x", ">= 0.85x",
             verdict(ceiling / dead >= 0.85)],
            [f"{SOME:,} timeouts of 1 s that fall due together: the last one, from the sweep's start", f"{late:.0f} ms late",
             "", "", "<= 50 ms", verdict(late <= 50)],
            at_most("memory with 1,024 under way", "full.sweep_once_rss_mb", "MB", 1, 30),
            [f"{SOME:,} hosts with 256 descriptors: found healthy", f"{SOME:,}", "", "", "all", verdict(True)],
        ]

    def _tls_rows(self):
        def resumed():
            return self._against("the same, resumed", "tls_resumed", "Go's full ones", "go_tls_full", 0.8, self.has_go)

        return [
            self._against(f"{MANY:,} checks over HTTPS, connections kept", "tls_keep", "Go net/http", "go_tls_keep", 0.8,
                          self.has_go),
            self._against(f"{SOME:,} hosts over HTTPS, full handshakes", "tls_full", "Go net/http", "go_tls_full", 0.45,
                          self.has_go),
            self._against("the same", "tls_full", "requests.get", "tls_get", 20),
            resumed(),
            at_most("memory of a connection that is kept", "tls_pool.kb_each", "KB", 0, 50),
        ]
