#!/usr/bin/env python3
"""Drives a run from outside by next and complete, through nothing but ctypes: the shared object as a stranger meets it."""
import ctypes as c, json, sys

lib = c.CDLL(sys.argv[1])
P, S, I = c.c_void_p, c.c_char_p, c.c_int64
for name, kinds in {"ctx_new": [P, P], "store_open": [P, S, P, P], "plan_from_json": [S, c.c_size_t, P, P], "run_new": [P, P, I, P, P],
                    "run_next": [P, I, P, P, P], "run_complete": [P, I, S, S, P], "run_status": [P, I, P, P],
                    "journal_verify": [P, S, S, P, P]}.items():
    getattr(lib, "nip_" + name).argtypes = kinds
for name in "error_message action_id action_verb".split():
    getattr(lib, "nip_" + name).restype, getattr(lib, "nip_" + name).argtypes = S, [P]
for name in "run_free plan_free store_free ctx_free free error_free".split():
    getattr(lib, "nip_" + name).restype, getattr(lib, "nip_" + name).argtypes = None, [P]

def call(name, *args):
    err = P()
    rc = getattr(lib, "nip_" + name)(*args, c.byref(err))
    if rc < 0:
        raise SystemExit(f"{name}: {lib.nip_error_message(err).decode()}")
    return rc

ctx, store, plan, run, action, until, text = P(), P(), P(), P(), P(), I(), P()
steps = [{"id": f"s{i}", "title": f"step {i}", "actions": [{"role": "target", "verb": "instances", "args": {"n": i}}],
          "wait": "1m"} for i in range(3)]
document = json.dumps({"v": 1, "kind": "plan", "subject": "shop", "title": "from Python", "steps": steps}).encode()
call("ctx_new", c.byref(ctx))
call("store_open", ctx, b"memory:", c.byref(store))
call("plan_from_json", document, len(document), c.byref(plan))
now, done = 1_700_000_000_000_000_000, 0
call("run_new", plan, store, now, c.byref(run))
while (rc := call("run_next", run, now, c.byref(action), c.byref(until))) != 3:
    if rc == 2:
        now = until.value
        continue
    call("run_complete", run, now, lib.nip_action_id(action), b'{"outcome": "done", "result": {}}')
    done += 1
call("run_status", run, now, c.byref(text))
assert json.loads(c.string_at(text))["state"] == "succeeded" and done == 3 and now == 1_700_000_180_000_000_000
call("journal_verify", store, b"shop", None, c.byref(text))
assert json.loads(c.string_at(text))["verdict"] == "intact"
for free, thing in (("run", run), ("plan", plan), ("store", store), ("ctx", ctx)):
    getattr(lib, f"nip_{free}_free")(thing)
print("1 passed, 0 failed")
