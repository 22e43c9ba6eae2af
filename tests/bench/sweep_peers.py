"""
The same checks by python3-requests: sweep_peers.py session|get|threads URL TARGETS HOSTS, as a script would have them.
"""
import os
import sys
import time
from multiprocessing.pool import ThreadPool

import requests

kind, url, targets, hosts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
session = requests.Session()
ask = session.get if kind == "session" else requests.get
verify = os.environ.get("SSL_CERT_FILE", True)


def address(index):
    host = index % hosts
    return url.replace("HOST", "127.0.0.1" if hosts == 1 else f"127.1.{host // 250}.{host % 250 + 1}")


def check(index):
    if ask(address(index), timeout=5, verify=verify).json()["status"] != "healthy":
        sys.exit("not healthy")


start, cpu_start = time.monotonic(), time.process_time()
if kind == "threads":
    with ThreadPool(64) as pool:
        pool.map(check, range(targets))
else:
    for target in range(targets):
        check(target)
took, cpu = time.monotonic() - start, time.process_time() - cpu_start
print("per_second", targets / took)
print("cpu_us", cpu / targets * 1e6)
