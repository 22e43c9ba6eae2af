"""A health sweep from Python, of the document that standard input gives."""
import sys
import time

import nipops

text = sys.stdin.buffer.read()
context = nipops.Context()
document = nipops.Document.parse(text)
start, cpu_start = time.monotonic(), time.process_time()
with nipops.health_check(context, document) as operation:
    report = operation.run()
took, cpu = time.monotonic() - start, time.process_time() - cpu_start
targets = len(report.targets)
if not report.all_healthy:
    sys.exit("%d of %d targets are healthy" % (report.healthy, targets))
print("sweep_python_per_second", targets / took)
print("sweep_python_cpu_us", cpu / targets * 1e6)
