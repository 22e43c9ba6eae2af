#!/usr/bin/env python3
"""What C can do, Python and Go can do: every function of the public headers is called by both bindings, outside their generated tables and tests.

usage: parity.py SOURCE
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
GENERATED = {"_abi.py", "constants.go"}


def without_comments(text, pattern):
    return re.sub(pattern, "", text, flags=re.S | re.M)


def declared():
    text = "".join(header.read_text() for header in sorted((source / "include").rglob("*.h")))
    return set(re.findall(r"NIP_API\b[^;]*?\b(nip_\w+)\s*\(", without_comments(text, r"/\*.*?\*/")))


def called(folder, suffixes, comments, call):
    found = set()
    for file in sorted((source / folder).rglob("*")):
        if file.suffix in suffixes and file.name not in GENERATED and not file.name.endswith("_test.go") and "tests" not in file.parts:
            found |= set(re.findall(call, without_comments(file.read_text(), comments)))
    return found


functions = declared()
bindings = {
    "bindings/python": called("bindings/python/nipops", {".py"}, r'""".*?"""|#.*?$', r"\.(nip_[a-z]\w+)\b"),
    "bindings/go": called("bindings/go", {".go", ".h", ".c"}, r"/\*.*?\*/|//.*?$", r"\b(nip_[a-z]\w+)\s*\("),
}
problems = [f"{name}: no call of {function}" for name, has in bindings.items() for function in sorted(functions - has)]
print("\n".join(problems) or f"{len(functions)} functions, all within reach of {' and '.join(bindings)}")
sys.exit(bool(problems) or not functions)
