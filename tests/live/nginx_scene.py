"""What rollouts through nginx need in a test: an nginx in a folder of its own, and users that behave as browsers do."""
import asyncio, os, pathlib, shutil, signal, socket, subprocess, tempfile, time

import zero_loss
from zero_loss import ports

HERE = pathlib.Path(__file__).resolve().parent

CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
worker_processes 2;
events {{ worker_connections 2000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    include {folder}/conf.d/*;
    server {{
        listen 127.0.0.1:{port} backlog=1000;
        location / {{ {mirror} proxy_pass http://shop; proxy_next_upstream off; }}
        {more}
    }}
}}
"""

MIRROR = """location = /nipops_mirror {
            internal;
            if ($shop_mirror = "") { return 204; }
            proxy_pass http://$shop_mirror$request_uri;
            proxy_set_header X-From copy;
            proxy_connect_timeout 200ms;
            proxy_read_timeout 1s;
        }"""

FIRST = '# nipops shop\nupstream shop { server 127.0.0.1:1 down; }\nmap "" $shop_mirror { default ""; }\n'

DOCUMENT = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: {replicas}
  strategy: {strategy}
  target: {target}
  router:
    driver: nginx
    file: {folder}/conf.d/shop.conf
    upstream: shop
    status: 127.0.0.1:{status}
    nginx: [{nginx}]
    conf: {folder}/nginx.conf
    pid: {folder}/nginx.pid
    {router}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200}}, interval: 300ms, timeout: 30s, successes: 1}}
{more}
  drain_timeout: 10s
"""

MORE = {
    "rolling": "  rolling: {max_surge: 1, max_unavailable: 0}",
    "canary": """  canary:
    dynamic_stable_scale: true
    stages: [{share: 20, duration: 2s}, {share: 60, duration: 2s}, {share: 100, duration: 1s}]
  hold_old: 0s""",
    "blue_green": """  blue_green: {watch: 2s}
  hold_old: 0s""",
}


class Scene:
    replicas = 3
    mirror, more = "", ""  # in `location /`, and beside it

    def __init__(self, options, prefix):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.first = ports.take(15)
        self.port, self.status = self.first + 13, self.first + 14
        self.environment = dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"))
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        self.config = self.folder / "conf.d/shop.conf"  # as on Debian: a link, in a folder that is included whole
        for name in ("conf.d", "available"):
            (self.folder / name).mkdir()
        (self.folder / "available/shop").write_text(FIRST)
        self.config.symlink_to("../available/shop")
        self.configure(self.mirror)
        self.server = subprocess.Popen([options.nginx, "-c", self.folder / "nginx.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for(self.is_up)

    def configure(self, mirror):
        (self.folder / "nginx.conf").write_text(CONFIG.format(folder=self.folder, port=self.port, mirror=mirror, more=self.more))

    def is_up(self):
        assert self.server.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0 and (self.folder / "nginx.pid").exists()

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain for {condition}"
            time.sleep(0.02)

    def document(self, version, strategy, target, router="", more=None):
        path = self.folder / f"{version}.yaml"
        path.write_text(DOCUMENT.format(version=version, strategy=strategy, target=target, router=router, folder=self.folder, status=self.status,
                                        nginx=self.options.nginx, replicas=self.replicas, more=MORE[strategy] if more is None else more))
        return path

    def kept(self, kind):
        return list((self.folder / "state/nipops").glob(f"*.d/nginx/shop.conf.*.{kind}"))

    def nipops(self, *arguments, expect=0, **environment):
        done = subprocess.run([self.options.nipops, *map(str, arguments)], env=dict(self.environment, **environment), text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
        assert expect is None or done.returncode == expect, f"{arguments}: exit {done.returncode}, not {expect}\n{done.stdout}"
        return done.stdout

    def ask(self, path="/"):
        """One request through nginx, of a user: status and body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\nHost: shop\r\nX-From: user\r\n\r\n".encode())
            reply = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        return int(reply.split()[1]), reply.partition("\r\n\r\n")[2]

    def end_processes(self, mark):
        """Those that bear `mark` in their command line or environment: only ours have this folder's name."""
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    if mark in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes():
                        os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass

    def close(self):
        self.server.terminate()
        try:
            self.server.wait(10)
        finally:
            self.end_processes(str(self.folder).encode())
            shutil.rmtree(self.folder, ignore_errors=True)
            ports.give_back(self.first)


class Users(zero_loss.Users):
    """A reload closes idle connections. A request that meets that, without a byte of a reply, is asked again on a new connection, as every
    browser does (RFC 9112, 9.3.1); everything else counts as in zero_loss."""

    def __init__(self, port, rate):
        super().__init__(port, rate)
        self.reopened = 0

    async def ask(self, streams):
        reader, writer = streams
        used = getattr(writer, "used", False)
        try:
            writer.used = True
            return await super().ask(streams)
        except (asyncio.IncompleteReadError, ConnectionError) as problem:
            if not used or getattr(problem, "partial", b""):
                raise
            self.reopened += 1
            fresh = await asyncio.open_connection("127.0.0.1", self.port)
            await super().ask(fresh)
            fresh[1].close()
            return False
