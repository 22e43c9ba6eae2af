#!/usr/bin/env python3
"""
Releases one version of an app, by the strategy that is asked for:

    production_deployment.py --config rollout.yaml --image-tag 1.4.0 --strategy canary --canary-percentage 10

Where instances run, what routes to them and how they are watched is in the rollout document; options stand in place of what it says.
"""
import os
import sys
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import click
import nipops
from exit_status import STATUS_OF_OUTCOME, NotDrivenOn, exiting
from options import keys_of, name_in, override
from progress import Progress, say


class ProductionDeployer:
    """Releases what a rollout document says. A run that an earlier process left is taken up again."""

    def __init__(self, document: nipops.Document, store: nipops.Store, path: str = "state.db") -> None:
        document.check()
        keys = keys_of(document)
        self.app = document.subject or ""
        self.artifact = str(keys.get("artifact") or keys["image_tag"])
        self.document = document
        self.store = store
        self.path = path  # of the store's file, for the commands that are told to people
        self.drivers = nipops.Drivers(store.context)

    def plan(self) -> nipops.Plan:
        """A new plan, from how things stand now."""
        with nipops.observe(self.store.context, self.document, self.drivers) as look:
            return nipops.plan_rollout(self.document, self.store.release(self.app), look.run())

    def deploy(self) -> nipops.RunStatus:
        """Plans and does it, and prints what happens. A change that was taken back is a result, not an exception."""
        left = self.store.unfinished(self.app)
        if left is None:
            plan = self.plan()
            return self._drive(self.store.start(plan), plan)
        plan = self._plan_of(left.run)
        return self._drive(self.store.resume(left.run), plan)

    def _plan_of(self, left: str) -> nipops.Plan:
        plan = self.store.planned(left)
        artifact = plan.to_dict()["release"]["artifact"]
        if artifact != self.artifact:
            raise nipops.StateError("%s, which releases %s, is not over: go on with %s first, or take it back: nipops abort %s" % (
                left, artifact, artifact, left))
        return plan

    def _drive(self, run: nipops.Run, plan: nipops.Plan) -> nipops.RunStatus:
        progress = Progress(plan, self.path)
        with run, told_when_left(run.id), run.drive(self.drivers) as operation:
            progress.begin(run.status())
            for event in operation:
                progress.show(event)
            return operation.result()


@contextmanager
def told_when_left(run: str) -> Iterator[None]:
    """Says so when the driving ends before the run does."""
    try:
        yield
    except (KeyboardInterrupt, nipops.NipopsError) as error:
        say("%s: left as it is; the same command goes on with it" % run, err=True)
        if isinstance(error, nipops.NipopsError):
            raise NotDrivenOn(run) from error
        raise


def open_store(path: str, *, readonly: bool = False) -> nipops.Store:
    """Journals in a file, and beside it the folder of what drivers must remember: where the command nipops has them too."""
    context = nipops.Context(state_dir=path + ".d")
    if readonly and not os.path.exists(path):
        return nipops.Store(context, "memory:")
    return nipops.Store(context, "sqlite:" + path, readonly=readonly)


def report(status: nipops.RunStatus) -> int:
    """Prints how a run ended; gives the exit status."""
    why = ": ".join(text for text in (status.reason, status.message) if text)
    say("%s %s: %s%s" % (status.run, status.state, status.title, " (%s)" % why if why else ""))
    return STATUS_OF_OUTCOME[status.state]


def explain(deployer: ProductionDeployer) -> int:
    """Prints what would be done; gives the exit status."""
    left = deployer.store.unfinished(deployer.app)
    if left is not None:
        say("%s is not over: the same command without --dry-run goes on with it" % left.run)
    click.echo((deployer.plan() if left is None else deployer.store.planned(left.run)).explain(), nl=False)
    return 0


@click.command(context_settings={"max_content_width": 120})
@click.option("--config", type=click.Path(exists=True, dir_okay=False), default="rollout.yaml", show_default=True, help="Rollout document.")
@click.option("--strategy", type=click.Choice(["rolling", "blue_green", "canary", "shadow"]),
              help="How the new version takes over; shadow only compares it with the old one.")
@click.option("--image-tag", required=True, help="Artifact, and thereby version, to release.")
@click.option("--namespace", help="Release NAMESPACE.APP: an app with a journal and instances of its own.")
@click.option("--replicas", type=int, help="Instances wanted.")
@click.option("--health-check-url", help='"/health", or with {endpoint} in it: every instance is asked.')
@click.option("--canary-percentage", type=int, help="Share of the first stage, percent.")
@click.option("--store", "path", default="state.db", show_default=True, help="File of the journals.")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
def main(config: str, namespace: Optional[str], path: str, dry_run: bool, **options: Any) -> None:
    """Releases one version of an app. Ctrl-C and SIGTERM leave the run as it is; the same command goes on with it.

    Exit status: 0 done, 1 taken back or failed, 2 wrong usage, 3 refused before anything was changed, 4 broken or not driven on, 6 driven
    by another process, 130 cancelled.
    """
    with exiting():
        document = nipops.Document.load(config)
        override(document, options)
        if namespace is not None:
            name_in(document, namespace)
        with open_store(path, readonly=dry_run) as store:
            deployer = ProductionDeployer(document, store, path)
            sys.exit(explain(deployer) if dry_run else report(deployer.deploy()))


if __name__ == "__main__":
    main()
