"""
Runs one scenario: runner.py SCENARIO STATE-FOLDER [--resume]..., one --resume for each process that died before. tests/scenario/README.md
describes the form.
"""
import sys

import nipops
import printing
from commands import run_command
from driving import die, duration


class Runner:
    """One scenario under way. `plan`, `release` and `observed` are what the latest command left."""

    def __init__(self, scenario, folder, crashes):
        self.scenario = scenario
        self.crashes = crashes  # how many processes died before this one
        self.start_ns = nipops.parse_time_ns(scenario["clock"])
        clock = "virtual:" + nipops.format_time(self.first_instant_ns())
        self.context = nipops.Context(seed=scenario.get("seed", 1), clock=clock)
        url = "sqlite:%s/store.db" % folder if scenario.get("store") == "sqlite" else "memory:"
        self.store = nipops.Store(self.context, url)
        self.drivers = nipops.Drivers(self.context)
        self.plan = self.release = self.observed = None

    def first_instant_ns(self):
        """Where the clock stands when this process begins: one that takes up what another one left does so at a stated instant."""
        if self.crashes == 0:
            return self.start_ns
        for command in self.scenario["do"]:
            if "crashes" in command.get("run", {}):
                return self.start_ns + duration(command["run"]["crashes"][self.crashes - 1], "resume")
        return die("nothing in this scenario crashes")

    def document(self, name):
        """A document of the scenario; what is wrong with its text is an error like any other."""
        if name not in self.scenario["documents"]:
            die("no such document: %s" % name)
        return nipops.Document.parse(self.scenario["documents"][name], name)

    def run(self):
        """A process that takes up what another one left begins where that one died."""
        passed = self.crashes == 0
        for command in self.scenario["do"]:
            passed = passed or "crashes" in command.get("run", {})
            if passed:
                run_command(self, command)
        if "subject" in self.scenario:
            printing.line("== end")
            printing.report(self.store, self.scenario["subject"])

    def close(self):
        for handle in (self.plan, self.drivers, self.store, self.context):
            if handle is not None:
                handle.close()


def main(arguments):
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    if len(arguments) < 2:
        die("usage: runner.py SCENARIO STATE-FOLDER [--resume]...")
    with nipops.Document.load(arguments[0]) as document:
        runner = Runner(document.to_dict(), arguments[1], len(arguments) - 2)
    printing.line("clock", runner.context.now_ns())
    runner.run()
    runner.close()


if __name__ == "__main__":
    main(sys.argv[1:])
