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
# Whoever connects to one port of one host some ten thousand times leaves so many pairs of ports behind, waiting for a
# minute, that who comes next searches long for a free one. So each client of new connections has ports of its own, and
# comes back to one only when that is over.
FRESH_CLIENTS, FRESH_ROUNDS = ("wrk", "curl", "own", "go", "get"), 4
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
  server {{ {listens} location / {{ return 200 '{{"status":"healthy"}}'; }} }}
  server {{
    listen {tls_port} ssl backlog=4096;
    ssl_protocols TLSv1.2 TLSv1.3;
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


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


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
        self.port, self.tls_port, self.blackbox_port, *fresh = free_ports(3 + len(FRESH_CLIENTS) * FRESH_ROUNDS)
        self.fresh = {client: fresh[i::len(FRESH_CLIENTS)] for i, client in enumerate(FRESH_CLIENTS)}
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
        ports = [self.port, *(port for ports in self.fresh.values() for port in ports)]
        self._write("nginx.conf", NGINX.format(folder=self.folder, tls_port=self.tls_port, files=files,
                                               listens=" ".join(f"listen {port} backlog=4096;" for port in ports),
                                               connections=files - 100))
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
        self._traps()

    def _run(self, name, command, **environment):
        take(name + ".", [*CLIENT, *command], environment={**os.environ, "GOMAXPROCS": "1", **environment})

    def _own(self, name, kind, port, targets, hosts=1, rounds=1, more="", dead=None):
        command = [self._program("sweep"), kind, port, targets, hosts, rounds, more, *([dead] if dead else [])]
        self._run(name, [str(part) for part in command])

    def _peer(self, name, program, kind, port, targets, hosts=1, rounds=1, in_flight=IN_FLIGHT, dead=None):
        if program == "go" and not self.has_go:
            return
        command = [self._program("sweep_peer")] if program == "go" else [self._program("sweep_peers"), program]
        command += [kind, port, targets, hosts, rounds, in_flight, *([dead] if dead else [])]
        self._run(name, [str(part) for part in command], SSL_CERT_FILE=os.path.join(self.folder, "authorities.pem"))

    def _python(self, name, kind, scheme, port, targets, hosts=1):
        command = [PYTHON, os.path.join(HERE, "sweep_peers.py"), kind, f"{scheme}://HOST:{port}/", targets, hosts]
        self._run(name, [str(part) for part in command], SSL_CERT_FILE=os.path.join(self.folder, "authorities.pem"))

    def _fresh_port(self, client):
        self.fresh[client].append(self.fresh[client].pop(0))
        return self.fresh[client][-1]

    def _wrk(self, name, port, seconds, *arguments):
        url = f"http://127.0.0.1:{port}/"
        stopped = ["timeout", "--preserve-status", "--signal=INT", str(seconds)]
        command = [*CLIENT, *stopped, "wrk", "-t1", f"-c{IN_FLIGHT}", "-d10s", *arguments, url]
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
        self._wrk("wrk_keep", self.port, 1)
        self._peer("curl_keep", "curl", "keep", self.port, MANY)
        self._own("keep", "keep", self.port, MANY)
        self._peer("go_keep", "go", "keep", self.port, MANY)
        self._python("session", "session", "http", self.port, SOME)
        self._wrk("wrk_new", self._fresh_port("wrk"), 0.5, "-H", "Connection: close")
        self._peer("curl_new", "curl", "new", self._fresh_port("curl"), MANY)
        self._own("new", "new", self._fresh_port("own"), MANY)
        self._peer("go_new", "go", "new", self._fresh_port("go"), MANY)
        self._python("get", "get", "http", self._fresh_port("get"), SOME)
        self._probes()

    def _many_hosts(self):
        self._peer("raw_pool", "raw", "keep", self.port, SOME, SOME, 10)
        self._peer("curl_pooled", "curl", "keep", self.port, SOME, SOME, 10)
        self._own("pool", "keep", self.port, SOME, SOME, 10)
        self._peer("go_pool", "go", "keep", self.port, SOME, SOME, 10)
        self._own("new_1000", "new", self.port, SOME, SOME, 10)
        self._own("new_10000", "new", self.port, MANY, MANY)
        self._own("pool_10000", "keep", self.port, MANY, MANY, 10)
        self._peer("go_pool_10000", "go", "keep", self.port, MANY, MANY, 3)

    def _slow(self):
        self._peer("curl_slow_cold", "curl", "keep", self.slow, SOME, SOME, 1, SOME)
        self._own("slow_cold", "keep", self.slow, SOME, SOME)
        self._peer("curl_slow_pool", "curl", "keep", self.slow, SOME, SOME, 10, SOME)
        self._own("slow_pool", "keep", self.slow, SOME, SOME, 10)
        self._python("threads", "threads", "http", self.slow, SOME, SOME)
        self._python("sequential", "get", "http", self.slow, 50, 50)
        timeout = ',"try_timeout":"1s","in_flight":'
        self._peer("curl_dead", "curl", "new", self.port, 5 * SOME, 5 * SOME, 1, 256, f"10:{self.dead}")
        self._own("dead", "new", self.port, 5 * SOME, 5 * SOME, 1, timeout + "256", f"10:{self.dead}")
        self._peer("curl_late", "curl", "new", self.port, SOME, SOME, 1, SOME, f"1:{self.dead}")
        self._own("late", "new", self.port, SOME, SOME, 1, timeout + "1024", f"1:{self.dead}")
        self._own("full", "new", self.port, 1024, 1024, 1, timeout + "1024", f"1:{self.dead}")
        few = "ulimit -n 256; exec " + self._program("sweep")
        self._run("curl_short", ["sh", "-c", f"{few}_peers curl keep {self.slow} {SOME} {SOME} 1 {SOME} 0:0"])
        self._run("short", ["sh", "-c", f"{few} keep {self.slow} {SOME} {SOME}"])

    def _traps(self):
        """What a simple libcurl program runs into, beside what `_many_hosts` and `_tls` have measured."""
        self._peer("curl_names", "curl-names", "new", self.port, MANY, MANY)
        self._peer("curl_walks", "curl", "keep", self.port, MANY, MANY, 2)
        self._own("walks", "keep", self.port, MANY, MANY, 2)
        self._peer("curl_pool", "curl-pool", "keep", self.port, SOME, SOME, 10)
        self._peer("curl_authorities", "curl-authorities", "tls-new", self.tls_port, 20)
        if "keep.calls" not in rounds:  # they are the same in every round
            note("keep.calls", self._calls([self._program("sweep"), "keep", self.port]))
            peer = [self._program("sweep_peers"), "curl", "keep", self.port]
            note("curl_keep.calls", self._calls(peer, 1, 1, IN_FLIGHT))

    def _tls(self):
        names = f',"tls":{{"ca_file":"{self.folder}/authorities.pem","server_name":"sweep.example"}}'
        self._peer("curl_tls_keep", "curl", "tls", self.tls_port, MANY)
        self._own("tls_keep", "tls", self.tls_port, MANY, 1, 1, names)
        self._peer("go_tls_keep", "go", "tls", self.tls_port, MANY)
        self._peer("curl_tls_full", "curl-full", "tls-new", self.tls_port, SOME)
        self._own("tls_full", "tls-new", self.tls_port, SOME, SOME, 1, names)
        self._peer("curl_tls_resumed", "curl", "tls-new", self.tls_port, SOME, 1, 3)
        self._own("tls_resumed", "tls-new", self.tls_port, SOME, 1, 3, names)
        self._peer("go_tls_full", "go", "tls-new", self.tls_port, SOME)
        self._python("tls_get", "get", "https", self.tls_port, 20)
        self._own("tls_pool", "tls", self.tls_port, SOME, SOME, 1, names)
        self._own("tls_one", "tls", self.tls_port, SOME, 1, 1, names)
        pooled, one = (rounds[f"{name}.sweep_c_rss_mb"][-1] for name in ("tls_pool", "tls_one"))
        note("tls_pool.kb_each", (pooled - one) * 1000 / (SOME - IN_FLIGHT))

    # ---- rows ----

    def rows(self):
        return [*self._keep_rows(), *self._new_rows(), *self._host_rows(), *self._slow_rows(), *self._tls_rows(),
                *self._trap_rows()]

    def _against(self, what, own, peer_name, peer, least, has_peer=True, bare=None):
        """How fast; `bare` is what the same checks by bare libcurl are noted as, to be told when the goal is missed."""
        if not has_peer:
            return not_measured(what, peer_name, f">= {least}x", "Go is not installed")
        own, peer = f"{own}.sweep_own_per_second", f"{peer}.per_second"
        r = ratio(own, peer)
        why = f"bare libcurl reaches {ratio(bare + '.per_second', peer):.2f}x" if bare and r < least else ""
        shown = f"{peer_name}: {figure(peer, '/s')}"
        return [what, figure(own, "/s"), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least, why)]

    def _keep_rows(self):
        def against(what, peer_name, peer, least, has_peer=True):
            return self._against(what, "keep", peer_name, peer, least, has_peer, "curl_keep")

        return [
            against(f"{MANY:,} checks of one host, connections kept, JSON compared", "wrk, no JSON", "wrk_keep", 0.35),
            self._against("the same", "keep", "bare curl_multi_poll, 64 at once", "curl_keep", 0.85),
            against("the same", "Go net/http, 64 goroutines", "go_keep", 1.2, self.has_go),
            against("the same", "requests.Session", "session", 30),
            self._cpu_row(),
            self._less_cpu("the same", "keep", "bare curl", "curl_keep", 0.8),
        ]

    def _cpu_row(self):
        own, bare, most = "keep.sweep_own_cpu_us", median("curl_keep.cpu_us"), 14
        met = median(own) <= most
        why = "" if met else f"bare libcurl takes {bare:.1f} us"
        return ["of it CPU time a check", figure(own, "us", 1), "", "", f"<= {most} us", verdict(met, why)]

    def _less_cpu(self, what, own, peer_name, peer, least):
        own, peer = f"{own}.sweep_own_cpu_us", f"{peer}.cpu_us"
        r = ratio(peer, own)
        shown = f"{peer_name}: {figure(peer, 'us', 1)}"
        return [what, figure(own, "us", 1), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]

    def _new_rows(self):
        def against(what, peer_name, peer, least, has_peer=True):
            return self._against(what, "new", peer_name, peer, least, has_peer, "curl_new")

        rows = [
            against("the same, a new connection each", "wrk", "wrk_new", 0.65),
            self._against("the same", "new", "bare curl_multi_poll, 64 at once", "curl_new", 0.85),
            against("the same", "Go net/http, 64 goroutines", "go_new", 1.3, self.has_go),
            against("the same", "requests.get", "get", 14),
        ]
        peer, goal = "blackbox_exporter, 16 at once", ">= 9x"
        if not self.has_blackbox:
            return [*rows, not_measured("the same, by CPU time", peer, goal, "prometheus-blackbox-exporter is missing")]
        own, r = "new.sweep_own_cpu_us", ratio("blackbox.cpu_us", "new.sweep_own_cpu_us")
        shown = f"{peer}: {figure('blackbox.cpu_us', 'us')}"
        why = "" if r >= 9 else f"bare libcurl reaches {ratio('blackbox.cpu_us', 'curl_new.cpu_us'):.2f}x"
        return [*rows, ["the same, by CPU time", figure(own, "us", 1), shown, f"{r:.2f}x", goal, verdict(r >= 9, why)]]

    def _scale(self, what, large, small, least):
        large, small = f"{large}.sweep_own_per_second", f"{small}.sweep_own_per_second"
        r = ratio(large, small)
        shown = f"{SOME:,} hosts: {figure(small, '/s')}"
        return [what, figure(large, "/s"), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]

    def _host_rows(self):
        rows = [
            self._against(f"{SOME:,} hosts, ten times each, connections kept", "pool", "bare sockets", "raw_pool", 0.2,
                          bare="curl_pooled"),
            self._against("the same", "pool", "Go net/http, 64 goroutines", "go_pool", 1.25, self.has_go,
                          "curl_pooled"),
            self._scale(f"{MANY:,} hosts, a new connection each", "new_10000", "new_1000", 0.85),
            self._scale(f"{MANY:,} hosts, ten times each, connections kept", "pool_10000", "pool", 0.7),
        ]
        if not self.has_go:
            return rows
        own, peer = "pool_10000.sweep_c_rss_mb", "go_pool_10000.rss_mb"
        r = ratio(own, peer)
        shown = f"Go: {figure(peer, 'MB')}"
        return [*rows, ["of it memory", figure(own, "MB"), shown, f"{r:.2f}x the memory", "<= 0.25x", verdict(r <= 0.25)]]

    def _latencies(self, what, name, peer, most):
        def count(per_second):
            return SOME / median(per_second) * 1000 / DELAY_MS

        own, bare = count(f"{name}.sweep_own_per_second"), count(f"{peer}.per_second")
        r = ratio(f"{name}.sweep_own_per_second", f"{peer}.per_second")
        return [what, f"{own:.2f} latencies", f"bare curl, all at once: {bare:.2f}", f"{r:.2f}x", f"<= {most}",
                verdict(own <= most, "" if own <= most else f"bare libcurl takes {bare:.2f}")]

    def _dead_row(self):
        dead, bare = median("dead.sweep_once_ms"), median("curl_dead.ms")
        ceiling = 5 * SOME / 10 * 1000 / 256  # milliseconds: so long do they that never answer fill 256 places
        return [f"{5 * SOME:,} hosts, each tenth never answers: timeout 1 s, 256 at once", f"{dead:,.0f} ms",
                f"what those that never answer take alone: {ceiling:,.0f} ms (bare curl, all checks: {bare:,.0f} ms)",
                f"{ceiling / dead:.2f}x", ">= 0.85x", verdict(ceiling / dead >= 0.85)]

    def _late_row(self):
        late, bare = median("late.sweep_once_ms") - 1000, median("curl_late.ms") - 1000
        return [f"{SOME:,} timeouts of 1 s that fall due together: the last one, from the sweep's start",
                f"{late:.0f} ms late", f"bare curl: {bare:.0f} ms late", "", "<= 50 ms", verdict(late <= 50)]

    def _slow_rows(self):
        cold = f"{SOME:,} hosts that answer after {DELAY_MS} ms, a sweep, first connections"
        return [
            self._latencies(cold, "slow_cold", "curl_slow_cold", 4.5),
            self._latencies("the same, connections kept, a sweep of ten", "slow_pool", "curl_slow_pool", 2.5),
            self._against("the same", "slow_pool", "requests.get, 64 threads", "threads", 14, bare="curl_slow_pool"),
            self._against("the same", "slow_pool", "requests.get, one after the other", "sequential", 400,
                          bare="curl_slow_pool"),
            self._dead_row(),
            self._late_row(),
            at_most("memory with 1,024 under way", "full.sweep_once_rss_mb", "MB", 1, 30),
        ]

    def _tls_rows(self):
        def against(what, own, peer, least, peer_name="Go net/http"):
            return self._against(what, own, peer_name, peer, least, self.has_go, "curl_" + own)

        def beside_bare(own):
            return self._against("the same", own, "bare curl_multi_poll, 64 at once", "curl_" + own, 0.85)

        return [
            against(f"{MANY:,} checks over HTTPS, connections kept", "tls_keep", "go_tls_keep", 0.8),
            beside_bare("tls_keep"),
            against(f"{SOME:,} hosts over HTTPS, full handshakes", "tls_full", "go_tls_full", 0.45),
            beside_bare("tls_full"),
            self._against("the same", "tls_full", "requests.get", "tls_get", 20, bare="curl_tls_full"),
            against("the same, resumed", "tls_resumed", "go_tls_full", 0.8, "Go's full ones"),
            beside_bare("tls_resumed"),
            at_most("memory of a connection that is kept", "tls_pool.kb_each", "KB", 0, 50),
        ]

    def _trap_rows(self):
        bare = SOME - median("curl_short.failed")
        return [
            self._less_cpu(f"trap: names kept for {MANY:,} hosts", "new_10000", "bare curl, its default", "curl_names", 2),
            self._less_cpu(f"trap: {MANY:,} connections in one pool", "walks", "bare curl, one multi handle", "curl_walks", 2),
            self._less_cpu(f"trap: a pool that is smaller than the hosts, {SOME:,} of them", "pool", "bare curl, a pool of 100",
                           "curl_pool", 2),
            self._less_cpu("trap: authorities read for each connection", "tls_full", "bare curl, its default folder",
                           "curl_authorities", 5),
            [f"trap: {SOME:,} hosts with 256 descriptors: found healthy", f"{SOME:,}", f"bare curl, all at once: {bare:,.0f}", "",
             "all", verdict(True)],
            self._calls_row(),
        ]

    def _calls_row(self):
        own, bare = median("keep.calls"), median("curl_keep.calls")
        return ["trap: sockets registered for each check, as system calls a check", f"{own:.2f}",
                f"bare curl_multi_poll: {bare:.2f}", f"{own / bare:.2f}x as many", "<= 1.1x", verdict(own <= 1.1 * bare)]

    def _calls(self, command, *more):
        """System calls of one more check of a connection that is kept: what begins and ends a process is not counted."""
        def total(targets):
            path = os.path.join(self.folder, "calls")
            traced = [*command, targets, *more]
            subprocess.run([*CLIENT, "strace", "-f", "-c", "-o", path, *[str(part) for part in traced]], check=True,
                           capture_output=True)
            with open(path, encoding="ascii") as lines:
                return next(int(line.split()[3]) for line in lines if line.endswith(" total\n"))

        return (total(3 * SOME) - total(SOME)) / (2 * SOME)
