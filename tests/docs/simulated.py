"""Three runs of one simulated world in a store: a first release, a canary that succeeds, one that is taken back."""
import os
import sys


def library(top, path):
    """The Python package of this tree, on the library that was built."""
    sys.path.insert(0, os.path.join(top, "bindings", "python"))
    os.environ["NIPOPS_LIBRARY"] = os.path.abspath(path)
    import nipops
    return nipops


DOCUMENT = """
rollout:
  app: shop
  artifact: "%s"
  replicas: 4
  strategy: %s
  target: {driver: sim, world: shop, versions: {"%s": {error_rate: 0.4}}}
  router: {driver: sim, world: shop}
  metrics: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 1s, timeout: 60s}
  canary:
    stages: [{share: 25, duration: 5m}, {share: 100, duration: 1m}]
    guard: {interval: 30s, error_rate: {max: 1.0}}
"""


def quoted(text):
    return text.replace('"', '\\"')


def three_runs(nipops, path, bad="1.2.0"):
    """The names of the runs, oldest first, and what `told` says of the open store."""
    context = nipops.Context(seed=1, clock="virtual:2026-01-01T00:00:00Z")  # one world, which lives in this process
    drivers = nipops.Drivers(context)
    with nipops.Store(context, "sqlite:" + path) as store:
        for version, strategy, outcome in (("1.0.0", "rolling", "succeeded"), ("1.1.0", "canary", "succeeded"), (bad, "canary", "returned")):
            document = nipops.Document.parse(DOCUMENT % (quoted(version), strategy, quoted(bad)))
            observed = nipops.observe(context, document, drivers).run()
            with store.start(nipops.plan_rollout(document, store.release("shop"), observed)) as run:
                if run.drive(drivers).run().outcome != outcome:
                    raise AssertionError(run.outcome)
        return [run.run for run in reversed(store.runs())], (store.metrics_text(), store.spans("shop"))
