"""What was measured, round by round, and the rows that are made of it."""
import statistics
import subprocess
import sys

rounds = {}  # name -> values, one a round or a few


def note(name, value):
    rounds.setdefault(name, []).append(value)


def take(prefix, command, text=None, environment=None):
    """One run of a program: its lines "name value" are one round's values."""
    done = subprocess.run(command, input=text, capture_output=True, check=False, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    for line in done.stdout.splitlines():
        name, value = line.split()
        note(prefix + name, float(value))


def has(name):
    return name in rounds


def median(name):
    return statistics.median(rounds[name])


def ratio(above, below):
    return statistics.median(a / b for a, b in zip(rounds[above], rounds[below]))


def figure(name, unit, digits=0):
    values = rounds[name]
    return f"{median(name):,.{digits}f} {unit} [{min(values):,.{digits}f}..{max(values):,.{digits}f}]"


def verdict(met, why=""):
    return ("met" if met else "**missed**") + (f": {why}" if why else "")


def versus(what, own, peer_name, peer, unit, digits, least):
    """A row that compares times: how many times as fast as the peer."""
    r = ratio(peer, own)
    shown = f"{peer_name}: {figure(peer, unit, digits)}"
    return [what, figure(own, unit, digits), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]


def at_most(what, name, unit, digits, most, peer_name=None, peer=None):
    shown = f"{peer_name}: {figure(peer, unit, digits)}" if peer else ""
    r = f"{ratio(peer, name):.2f}x" if peer else ""
    return [what, figure(name, unit, digits), shown, r, f"<= {most} {unit}", verdict(median(name) <= most)]


def share_of_time(what, name, unit, digits, peer_name, peer, most=None):
    """A row that compares times the other way round: what part of the peer's time it takes, or how much more."""
    r = ratio(name, peer)
    goal = ["", ""] if most is None else [f"<= {most}x", verdict(r <= most)]
    return [what, figure(name, unit, digits), f"{peer_name}: {figure(peer, unit, digits)}", f"{r:.2f}x the time", *goal]


def not_measured(what, peer, goal, why):
    return [what, "", peer, "", goal, f"not measured: {why}"]
