#!/usr/bin/env python3
"""Each public header compiles alone, as C99, C11 and C++17, with every warning an error; none uses what bindings cannot read."""
import pathlib, re, subprocess, sys

include = pathlib.Path(sys.argv[1])
headers = sorted(include.rglob("*.h"))
problems = []
for header in headers:
    for compiler, language, standard in (("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++17")):
        done = subprocess.run([compiler, "-x", language, f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                               f"-I{include}", str(header)], capture_output=True, text=True)
        if done.returncode:
            problems.append(f"{header.name} as {standard}:\n{done.stderr}")
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    for word in ("bool", "long", "time_t", "off_t"):
        if re.search(rf"\b{word}\b", text):
            problems.append(f"{header.name}: {word} in a public header")
    if re.search(r":\s*\d+\s*;", text):
        problems.append(f"{header.name}: a bit field")
print("\n".join(problems) or f"{len(headers)} headers")
sys.exit(bool(problems))
