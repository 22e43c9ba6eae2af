#!/usr/bin/env python3
"""The house's one-way streets, from the #include lines: who may know whom, and who may touch the world."""
import pathlib, re, sys

root = pathlib.Path(sys.argv[1])
library = root / "libnipops"
order = ["base", "doc", "convert", "store", "analysis", "plan", "gate", "rollout", "train", "health", "sla", "agreement", "compare", "report", "op", "driver"]
# Beyond "below": analysis, health and sla need no store; rollout and health do not know each other's inside but for health's schema; op carries drivers' interface.
extra = {"rollout": {"health", "sla", "agreement", "compare"}, "op": {"driver"}}
forbidden = {"store"}  # for analysis, health and sla: pure parts that need no journal
public_of = {"base": "base", "ctx": "base", "doc": "doc", "store": "store", "analysis": "analysis", "histogram": "sla", "plan": "plan", "run": "plan",
             "driver": "plan", "gate": "gate", "outbox": "gate", "op": "op", "health": "op", "rollout": "rollout", "train": "train",
             "schema": "driver", "convert": "convert", "report": "report", "sla": "agreement"}
outside = {"sys/socket.h", "sys/un.h", "netinet/in.h", "arpa/inet.h", "netdb.h", "unistd.h", "fcntl.h", "sys/stat.h", "sys/types.h", "spawn.h",
           "sys/wait.h", "signal.h", "time.h", "sys/time.h", "poll.h", "sys/epoll.h", "sys/timerfd.h", "sys/eventfd.h", "dirent.h",
           "curl/curl.h", "sqlite3.h", "sys/random.h", "stdio.h"}
allowed_outside = {"stdio.h"}
touching = {"store", "op", "driver"}
problems = []
for source in sorted(library.rglob("*.[ch]")):
    room = source.parent.name
    below = set(order[: order.index(room) + 1]) | extra.get(room, set())
    for name in re.findall(r'^#include [<"]([^>"]+)[>"]', source.read_text(), flags=re.M):
        first = name.split("/")[0]
        if first in order and first not in below:
            problems.append(f"{source.relative_to(root)}: {room} must not include {name}")
        if first == "nipops" and "/" in name:
            owner = public_of[pathlib.Path(name).stem]
            if owner not in below and not (room == "plan" and owner == "plan"):
                problems.append(f"{source.relative_to(root)}: {room} must not include {name}")
        if room in ("analysis", "health", "sla") and first in forbidden:
            problems.append(f"{source.relative_to(root)}: {room} must not include {name}")
        world = name in outside and name not in allowed_outside
        exempt = room == "base" and source.name in ("file.c", "clock.c", "ctx.c", "text.c", "time.c")
        if world and room not in touching and not exempt:
            problems.append(f"{source.relative_to(root)}: only store, op, driver and base/file touch the world, but this includes {name}")
    text = source.read_text()
    file = source.relative_to(library).as_posix()
    if "vsnprintf(" in text and file != "base/print.c":
        problems.append(f"{source.relative_to(root)}: texts are formatted by nip__vprint, which knows no decimal commas, but this calls vsnprintf")
    if re.search(r"\bstrerror(_r)?\(", text):
        problems.append(f"{source.relative_to(root)}: strerror speaks the language of the host's locale; strerrordesc_np does not")
    for call in re.findall(r"\b(strn?casecmp|strcasestr|strcoll|strxfrm|strto(?:d|f|ld)|atof|is(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit)"
                           r"|to(?:lower|upper))\(", text):
        if (file, call) != ("base/text.c", "strtod"): # there in the locale "C"
            problems.append(f"{source.relative_to(root)}: {call} follows the host's locale; base/text.h has what does not")
    for header in re.findall(r"^#include <((?:ctype|wctype|strings)\.h)>", text, flags=re.M):
        problems.append(f"{source.relative_to(root)}: what {header} has follows the host's locale; base/text.h has what does not")
    if file != "base/text.c" and re.search(r'\bs?n?printf\([^;"]*"[^;]*%[-+ #0]*[0-9*]*(\.[0-9*]+)?[gGeEfFaA]', re.sub(r"\b\w+_printf\(", "(", text)):
        problems.append(f"{source.relative_to(root)}: snprintf writes the decimal comma of the host's locale")
for source in sorted((root / "bindings" / "cli").rglob("*.[ch]")):
    for name in re.findall(r'^#include [<"]([^>"]+)[>"]', source.read_text(), flags=re.M):
        if name.split("/")[0] in order:
            problems.append(f"{source.relative_to(root)}: the command uses public headers only, but this includes {name}")
print("\n".join(problems) or "every include points the right way")
sys.exit(bool(problems))
