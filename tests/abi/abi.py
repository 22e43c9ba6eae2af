#!/usr/bin/env python3
"""What programs built against an earlier library rely on still holds: functions, parameters, structs, as libabigail sees them, against abi.xml.

usage: abi.py LIBRARY            what was there is there and is the same; what is new is said
       abi.py LIBRARY --renew    writes abi.xml anew
"""
import pathlib, platform, re, subprocess, sys, tempfile

library, here = sys.argv[1], pathlib.Path(__file__).resolve().parent
baseline, private = here / "abi.xml", ["--suppressions", str(here / "private.suppr")]
if platform.machine() != "x86_64":
    sys.exit(77)  # it was written there, and sizes differ elsewhere

def write(path):
    subprocess.run(["abidw", *private, "--headers-dir", str(here.parent.parent / "include"), "--drop-private-types", "--exported-interfaces-only",
                    "--type-id-style", "hash", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed",
                    "--drop-undefined-syms", "--out-file", str(path), library], check=True)

def compare(old, new, *options):
    done = subprocess.run(["abidiff", *options, str(old), str(new)], capture_output=True, text=True)
    if done.returncode & 3:
        sys.exit(f"abidiff failed:\n{done.stdout}{done.stderr}")
    return done.returncode, done.stdout

def function(text, name):
    return re.search(rf"    <function-decl name='{name}'.*?</function-decl>\n", text, flags=re.S)[0]

def another_parameter(text):
    old = function(text, "nip_canary_split")
    kinds = re.findall(r"<parameter type-id='([^']+)'", old)
    return text.replace(old, old.replace(kinds[0], kinds[-1], 1))

def gone(text):
    symbol = re.search(r"    <elf-symbol name='nip_version'.*\n", text)[0]
    return text.replace(symbol, symbol + symbol.replace("nip_version", "nip_withdrawn"))

def moved_member(text):
    old = re.search(r"    <class-decl name='nip_split'.*?</class-decl>\n", text, flags=re.S)[0]
    return text.replace(old, old.replace("size-in-bits='128'", "size-in-bits='192'").replace("offset-in-bits='64'", "offset-in-bits='128'"))

def notices(folder, change):
    """A comparison that notices nothing proves nothing."""
    text = baseline.read_text()
    changed = change(text)
    assert changed != text, change.__name__
    (folder / "changed.xml").write_text(changed)
    code, _ = compare(folder / "changed.xml", baseline, "--no-added-syms")
    return None if code & 4 else f"abidiff does not notice: {change.__name__}"

if sys.argv[2:] == ["--renew"]:
    write(baseline)
    sys.exit()
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write(folder / "now.xml")
    problems = [p for p in (notices(folder, change) for change in (another_parameter, gone, moved_member)) if p]
    code, report = compare(baseline, folder / "now.xml", "--no-added-syms")
    if code:
        problems.append(f"{report}\nPrograms built before may break. If that is wanted (before 1.0, with a line in CHANGES.md):\n"
                        f"    python3 tests/abi/abi.py {library} --renew")
    _, added = compare(baseline, folder / "now.xml", "--stat")
print("\n".join(problems) or f"nothing that programs rely on has changed\n{added}")
sys.exit(bool(problems))
