#!/usr/bin/python3
"""Writes what the bindings must know about the C interface: one table for Python, one file of constants for Go.

    bindings/generate.py            write the files
    bindings/generate.py --check    write nothing; exit 1 and name every file that is not what the headers say

The headers in include/ are preprocessed by the C compiler ($CC, or cc) and read by pycparser, so that nothing is copied by hand.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

from pycparser import c_ast, c_parser

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "nipops.h"
HEADERS = ROOT / "include" / "nipops"
PYTHON_FILE = ROOT / "bindings" / "python" / "nipops" / "_abi.py"
GO_FILE = ROOT / "bindings" / "go" / "constants.go"

# How Go spells an error code where title case would not do: NIP_E_NOTFOUND is ErrNotFound.
GO_SPELLINGS = {
    "NOMEM": "OutOfMemory",
    "NOTFOUND": "NotFound",
    "IO": "IO",
    "READONLY": "ReadOnly",
}

# Families of constants beside the error codes: prefix, Go type (None: untyped, for inside the package), Go prefix, what the type is.
GO_FAMILIES = (
    ("NIP_VERB_", "VerbClass", "Verb", "VerbClass says how a verb behaves when it is unknown whether it took effect."),
    ("NIP_VERDICT_", "Verdict", "Verdict", "Verdict is what samples say; never a number that stands for \"missing\"."),
    ("NIP_RUN_", None, "run", ""),
    ("NIP_OP_", None, "op", ""),
)


# ---- reading the headers ----

class Interface:
    """What the headers promise: constants, structures and functions, in the order of the headers."""

    def __init__(self):
        self.constants = {}    # name: value
        self.structures = {}   # name: [(field, type node)]
        self.functions = {}    # name: type node of the function
        self.comments = {}     # constant: its comment


def preprocess(text, *options):
    command = [os.environ.get("CC", "cc"), "-std=c99", "-E", "-I", str(ROOT / "include"), "-D__attribute__(x)=",
               "-D__extension__=", *options, "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def read_interface():
    source = '#include "nipops.h"\n'
    tree = c_parser.CParser().parse(preprocess(source), "nipops.h")
    interface = Interface()
    for node in tree.ext:
        if str(HEADERS.parent) in str(node.coord.file):
            read_declaration(node, interface)
    read_macros(source, interface)
    read_comments(interface)
    return interface


def read_declaration(node, interface):
    if isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
        interface.functions[node.name] = node.type
    elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.Enum):
        read_enumeration(node.type, interface)
    elif isinstance(node, c_ast.Typedef) and isinstance(node.type.type, c_ast.Struct) and node.type.type.decls:
        interface.structures[node.name] = [(field.name, field.type) for field in node.type.type.decls]


def read_enumeration(enumeration, interface):
    value = -1
    for item in enumeration.values.enumerators:
        value = evaluate(item.value) if item.value is not None else value + 1
        interface.constants[item.name] = value


def read_macros(source, interface):
    """Macros without parameters that stand for a number."""
    names = re.findall(r"^#define (NIP_[A-Z0-9_]+) +\S", preprocess(source, "-dM"), re.M)
    names = sorted(set(names) - {"NIP_API"})
    probe = "".join("\nenum { probe_%s = %s };" % (name, name) for name in names)
    expanded = preprocess(source + probe).split("enum { probe_", 1)[1]
    tree = c_parser.CParser().parse("enum { probe_" + expanded, "macros")
    for node in tree.ext:
        item = node.type.values.enumerators[0]
        interface.constants[item.name[len("probe_"):]] = evaluate(item.value)


def evaluate(node):
    """Value of a constant expression as the headers use them."""
    if isinstance(node, c_ast.Constant):
        return int(node.value.rstrip("uUlL"), 0)
    if isinstance(node, c_ast.UnaryOp):
        return {"-": lambda value: -value, "+": lambda value: value, "~": lambda value: ~value}[node.op](evaluate(node.expr))
    if isinstance(node, c_ast.BinaryOp):
        left, right = evaluate(node.left), evaluate(node.right)
        return {"+": left + right, "-": left - right, "*": left * right, "|": left | right, "<<": left << max(right, 0)}[node.op]
    raise SystemExit("bindings/generate.py: %s: not a constant expression that this program reads" % node.coord)


def read_comments(interface):
    for header in sorted(HEADERS.glob("*.h")):
        pattern = r"^(?:#define|\s+)\s*(NIP_[A-Z0-9_]+)\b[^/\n]*/\*\s*(.*?)\s*\*/"
        for name, comment in re.findall(pattern, header.read_text(encoding="utf-8"), re.M | re.S):
            interface.comments[name] = " ".join(comment.split())


# ---- types for ctypes ----

SCALARS = {
    "int": "c_int",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
    "nip_time": "c_int64",
    "nip_duration": "c_int64",
    "size_t": "c_size_t",
    "double": "c_double",
}


def type_name(node):
    return " ".join(node.type.names) if isinstance(node.type, c_ast.IdentifierType) else ""


def ctypes_type(node, structures):
    """The ctypes spelling of a type. Text that the caller owns stays a plain address, so that it can be given to nip_free."""
    if isinstance(node, c_ast.TypeDecl):
        return "None" if type_name(node) == "void" else SCALARS[type_name(node)]
    if isinstance(node.type, c_ast.FuncDecl):
        return function_pointer(node.type, structures)
    target = node.type
    if isinstance(target, c_ast.PtrDecl):
        borrowed_text = type_name(target.type) == "char" and "const" in target.type.quals
        return "POINTER(c_char_p)" if borrowed_text else "POINTER(c_void_p)"
    if type_name(target) == "char":
        return "c_char_p" if "const" in target.quals else "c_void_p"
    if type_name(target) in structures:
        return "POINTER(%s)" % type_name(target)
    if type_name(target) in SCALARS:
        return "POINTER(%s)" % SCALARS[type_name(target)]
    return "c_void_p"


def parameters(function, structures):
    nodes = function.args.params if function.args else []
    types = [ctypes_type(node.type, structures) for node in nodes]
    return [] if types == ["None"] else types


def function_pointer(function, structures):
    return "CFUNCTYPE(%s)" % ", ".join([ctypes_type(function.type, structures)] + parameters(function, structures))


# ---- the Python file ----

PYTHON_HEAD = '''\
"""The C interface as ctypes sees it. Written by bindings/generate.py from include/nipops; do not edit."""
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from typing import Any, Dict, List, Tuple

'''

PYTHON_TAIL = '''

def declare(library: CDLL) -> None:
    """Tells ctypes the types of every function, so that no pointer is cut to an int."""
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
'''


def python_text(interface):
    lines = ['VERSION = "%s"' % version(interface), ""]
    lines += ["%s = %d" % item for item in interface.constants.items()]
    lines += ["", "ERROR_NAMES: Dict[int, str] = {"]
    lines += ["    %d: \"%s\"," % (value, name) for name, value in error_codes(interface)]
    lines += ["}"]
    for name, fields in interface.structures.items():
        lines += python_structure(name, fields, interface.structures)
    lines += ["", "", "FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {"]
    for name, function in interface.functions.items():
        arguments = ", ".join(parameters(function, interface.structures))
        lines.append('    "%s": (%s, [%s]),' % (name, ctypes_type(function.type, interface.structures), arguments))
    lines.append("}")
    return PYTHON_HEAD + "\n".join(lines) + "\n" + PYTHON_TAIL


def python_structure(name, fields, structures):
    lines = ["", "", "class %s(Structure):" % name, '    """As in the C headers."""', "", "    _fields_ = ["]
    lines += ['        ("%s", %s),' % (field, ctypes_type(node, structures)) for field, node in fields]
    return lines + ["    ]"]


def version(interface):
    return ".".join(str(interface.constants["NIP_VERSION_" + part]) for part in ("MAJOR", "MINOR", "PATCH"))


def error_codes(interface):
    return [item for item in interface.constants.items() if item[0].startswith("NIP_E_")]


# ---- the Go file ----

GO_HEAD = """\
// Code generated by bindings/generate.py from include/nipops; DO NOT EDIT.

package nipops

// Code says what kind of error it is. Few, never renumbered.
type Code int

"""

GO_CODES = """
// codeText is what the C headers say about a code.
type codeText struct {
	code        Code
	name        string
	description string
}

var codeTexts = []codeText{
"""


def go_text(interface):
    codes = [(go_error(name), "Code", value, interface.comments.get(name, "")) for name, value in error_codes(interface)]
    text = GO_HEAD + go_block("Errors of the library.", codes) + GO_CODES
    for name, value in error_codes(interface):
        text += "\t{%s, %s, %s},\n" % (go_error(name), go_string(name), go_string(interface.comments.get(name, "")))
    text += "}\n"
    for prefix, type_, spelling, comment in GO_FAMILIES:
        text += go_family(interface, prefix, type_, spelling, comment)
    text += "\n" + go_limits(interface)
    text += "\n// abiFunctions are all functions of the C interface.\nvar abiFunctions = []string{\n"
    text += "".join("\t%s,\n" % go_string(name) for name in sorted(interface.functions))
    return text + "}\n"


def go_family(interface, prefix, type_, spelling, comment):
    rows = [(spelling + title_case(name[len(prefix):]), type_, value, interface.comments.get(name, ""))
            for name, value in interface.constants.items() if name.startswith(prefix)]
    declaration = "\n// %s\ntype %s int\n" % (comment, type_) if type_ else ""
    return declaration + "\n" + go_block(None, rows)


def go_limits(interface):
    rows = [("SubjectMax", "NIP_SUBJECT_MAX"), ("RecordMax", "NIP_RECORD_MAX"), ("StepsMax", "NIP_STEPS_MAX"),
            ("PlanFormat", "NIP_PLAN_FORMAT"), ("VersionMajor", "NIP_VERSION_MAJOR"),
            ("VersionMinor", "NIP_VERSION_MINOR"), ("VersionPatch", "NIP_VERSION_PATCH")]
    block = [(name, None, interface.constants[source], interface.comments.get(source, "")) for name, source in rows]
    times = [("timeNone", None, interface.constants["NIP_TIME_NONE"], interface.comments.get("NIP_TIME_NONE", "")),
             ("timeMax", None, interface.constants["NIP_TIME_MAX"], interface.comments.get("NIP_TIME_MAX", ""))]
    return go_block("Limits, and the version of the headers.", block) + "\n" + go_block(None, times)


def go_block(comment, rows):
    """Constants in columns as gofmt sets them."""
    names = max(len(row[0]) for row in rows)
    values = max(len(str(row[2])) for row in rows)
    lines = ["// " + comment] if comment else []
    lines.append("const (")
    for name, type_, value, remark in rows:
        line = "\t%-*s %s= %s" % (names, name, type_ + " " if type_ else "", value)
        if remark:
            line = "\t%-*s %s= %-*s // %s" % (names, name, type_ + " " if type_ else "", values, value, remark)
        lines.append(line)
    return "\n".join(lines + [")"]) + "\n"


def go_error(name):
    rest = name[len("NIP_E_"):]
    return "Err" + GO_SPELLINGS.get(rest, title_case(rest))


def title_case(name):
    return "".join(word.capitalize() for word in name.split("_"))


def go_string(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


# ---- writing and checking ----

def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: bindings/generate.py [--check]", file=sys.stderr)
        return 2
    interface = read_interface()
    wanted = {PYTHON_FILE: python_text(interface), GO_FILE: go_text(interface)}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if arguments:
            print("%s is not what include/nipops says: run bindings/generate.py" % path.relative_to(ROOT), file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
