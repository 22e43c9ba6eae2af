#!/usr/bin/env python3
"""Brings a canary from its first share of the traffic to all of it, stage by stage, while its metrics keep to the thresholds."""
import sys

import click
import nipops
from exit_status import exiting
from options import keys_of
from production_deployment import ProductionDeployer, open_store, report


class CanaryPromoter:
    """Promotes what a canary configuration says: stages, how long each is watched, thresholds."""

    def __init__(self, config_path: str, store: str = "state.db") -> None:
        self.document = nipops.Document.load(config_path)
        strategy = keys_of(self.document).get("strategy", "rolling")
        if strategy != "canary":
            raise nipops.DocumentError('%s: the strategy must be "canary" here, found "%s"' % (config_path, strategy))
        self.store = store

    def monitor_and_promote(self) -> nipops.RunStatus:
        """Promotes it to the end, or takes it back by itself when a threshold is broken; prints what happens."""
        with open_store(self.store) as store:
            return ProductionDeployer(self.document, store, self.store).deploy()


@click.command()
@click.option("--config", type=click.Path(exists=True, dir_okay=False), default="canary-config.yaml", show_default=True,
              help="Canary configuration: a rollout document.")
@click.option("--store", default="state.db", show_default=True, help="File of the journals.")
def main(config: str, store: str) -> None:
    """Monitors and promotes a canary. Ctrl-C and SIGTERM leave it as it is; the same command goes on with it."""
    with exiting():
        sys.exit(report(CanaryPromoter(config, store).monitor_and_promote()))


if __name__ == "__main__":
    main()
