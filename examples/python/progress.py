"""What a run does, as lines for people."""
import shlex
from typing import Any, Callable, Dict, Optional

import click
import nipops

Payload = Dict[str, Any]


def say(text: str, *, err: bool = False) -> None:
    """Prints one line; what could command a terminal is shown as "?"."""
    click.echo("".join(sign if sign.isprintable() else "?" for sign in text), err=err)


class Progress:
    """Prints a line for each event of a run that a person would want to know."""

    def __init__(self, plan: nipops.Plan, path: str) -> None:
        self._command = "nipops --store %s" % shlex.quote(path)
        steps = plan.to_dict()
        self._titles = {step["id"]: step["title"] for step in [*steps["steps"], *steps.get("back", [])]}

    def begin(self, status: nipops.RunStatus) -> None:
        """Prints what the run is for, and where it goes on when it was left before."""
        say("%s: %s" % (status.run, status.title))
        if status.step is not None:
            say("goes on with: %s" % status.step.title)

    def show(self, event: nipops.Record) -> None:
        """Prints the event's line, if it has one."""
        write = LINES.get(event.kind)
        line = write(self, event.payload) if write is not None and event.payload is not None else None
        if line is not None:
            say("%s %s" % (event.at.strftime("%H:%M:%SZ"), line))

    def _title(self, payload: Payload) -> str:
        return self._titles.get(payload["step"], str(payload["step"]))

    def _started(self, payload: Payload) -> str:
        return self._title(payload)

    def _stays(self, payload: Payload) -> str:
        return "  stays until %.19sZ" % payload["until"]

    def _failed(self, payload: Payload) -> str:
        return "  failed: %s%s" % (self._title(payload), _why(payload))

    def _judged(self, payload: Payload) -> str:
        metrics = ", ".join(_metric(metric) for metric in payload.get("metrics", []))
        return "  guard %s: %s: %s" % (payload["guard"], payload["verdict"], metrics)

    def _waits(self, payload: Payload) -> Optional[str]:
        return "  waits for an approval: %s approve %s" % (self._command, payload["run"]) if payload["for"] == "approval" else None

    def _paused(self, payload: Payload) -> str:
        return "paused%s; %s promote %s goes on; abort instead of promote goes back" % (_why(payload), self._command, payload["run"])

    def _returning(self, payload: Payload) -> str:
        return "goes back%s" % _why(payload)

    def _asked(self, payload: Payload) -> str:
        return "%s asks: %s" % (payload["who"], payload["request"])


def _why(payload: Payload) -> str:
    return "".join(": %s" % payload[key] for key in ("reason", "message") if payload.get(key))


def _metric(metric: Payload) -> str:
    name, value = metric["name"], metric.get("value")
    scale, unit = (100, "%") if name == "error_rate" else (1000, "ms")
    seen = "unknown" if value is None else "%.3g %s" % (value * scale, unit)
    return "%s %s (at most %g %s)" % (name, seen, metric["limit"] * scale, unit)


LINES: Dict[str, Callable[[Progress, Payload], Optional[str]]] = {
    "step.started": Progress._started,
    "step.waiting": Progress._stays,
    "step.failed": Progress._failed,
    "guard.judged": Progress._judged,
    "run.waiting": Progress._waits,
    "run.paused": Progress._paused,
    "run.returning": Progress._returning,
    "request.made": Progress._asked,
}
