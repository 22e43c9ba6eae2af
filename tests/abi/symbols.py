#!/usr/bin/env python3
"""The exported symbols are the prototypes of the public headers, no more and no fewer, and each bears the library's version."""
import pathlib, re, subprocess, sys

library, include = sys.argv[1], pathlib.Path(sys.argv[2])
declared = set()
for header in include.rglob("*.h"):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    declared |= set(re.findall(r"NIP_API\b[^;]*?\b(nip_\w+)\s*\(", text))
table = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
exported = {line.split()[2] for line in table.splitlines() if line.split()[1] != "A"}
bare = {name.split("@")[0] for name in exported}
problems = [f"declared but not exported: {n}" for n in sorted(declared - bare)]
problems += [f"exported but not declared: {n}" for n in sorted(bare - declared)]
problems += [f"without a version: {n}" for n in sorted(exported) if "@@NIPOPS_0" not in n]
print("\n".join(problems) or f"{len(declared)} symbols, all declared and versioned")
sys.exit(bool(problems))
