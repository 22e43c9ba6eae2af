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

VERSION = "0.1.0"

NIP_OK = 0
NIP_E_INVALID = -1
NIP_E_NOMEM = -2
NIP_E_NOTFOUND = -3
NIP_E_CONFLICT = -4
NIP_E_BUSY = -5
NIP_E_CANCELLED = -6
NIP_E_TIMEOUT = -7
NIP_E_IO = -8
NIP_E_LIMIT = -9
NIP_E_UNSUPPORTED = -10
NIP_E_STATE = -11
NIP_E_USER = -12
NIP_E_INTERNAL = -13
NIP_E_SYNTAX = -20
NIP_E_DOCUMENT = -21
NIP_E_VERSION = -22
NIP_E_STORE = -30
NIP_E_CORRUPT = -31
NIP_E_HELD = -32
NIP_E_FENCED = -33
NIP_E_READONLY = -34
NIP_E_FULL = -35
NIP_E_DRIVER = -40
NIP_E_DIFFERS = -41
NIP_VERB_READ = 0
NIP_VERB_DECLARATIVE = 1
NIP_VERB_ONCE = 2
NIP_RUN_ACTION = 1
NIP_RUN_WAIT = 2
NIP_RUN_DONE = 3
NIP_OP_DONE = 0
NIP_OP_MORE = 1
NIP_VERDICT_PASS = 0
NIP_VERDICT_NO_DATA = 1
NIP_VERDICT_INCONCLUSIVE = 2
NIP_VERDICT_FAIL = 3
NIP_HOUR = 3600000000000
NIP_MICROSECOND = 1000
NIP_MILLISECOND = 1000000
NIP_MINUTE = 60000000000
NIP_PLAN_FORMAT = 1
NIP_RECORD_MAX = 1048576
NIP_SECOND = 1000000000
NIP_STEPS_MAX = 100000
NIP_SUBJECT_MAX = 128
NIP_TIME_MAX = 9223372036854775807
NIP_TIME_NONE = -9223372036854775808
NIP_VERSION_MAJOR = 0
NIP_VERSION_MINOR = 1
NIP_VERSION_PATCH = 0

ERROR_NAMES: Dict[int, str] = {
    -1: "NIP_E_INVALID",
    -2: "NIP_E_NOMEM",
    -3: "NIP_E_NOTFOUND",
    -4: "NIP_E_CONFLICT",
    -5: "NIP_E_BUSY",
    -6: "NIP_E_CANCELLED",
    -7: "NIP_E_TIMEOUT",
    -8: "NIP_E_IO",
    -9: "NIP_E_LIMIT",
    -10: "NIP_E_UNSUPPORTED",
    -11: "NIP_E_STATE",
    -12: "NIP_E_USER",
    -13: "NIP_E_INTERNAL",
    -20: "NIP_E_SYNTAX",
    -21: "NIP_E_DOCUMENT",
    -22: "NIP_E_VERSION",
    -30: "NIP_E_STORE",
    -31: "NIP_E_CORRUPT",
    -32: "NIP_E_HELD",
    -33: "NIP_E_FENCED",
    -34: "NIP_E_READONLY",
    -35: "NIP_E_FULL",
    -40: "NIP_E_DRIVER",
    -41: "NIP_E_DIFFERS",
}


class nip_clock(Structure):
    """As in the C headers."""

    _fields_ = [
        ("size", c_uint32),
        ("self", c_void_p),
        ("real", CFUNCTYPE(c_int64, c_void_p)),
        ("monotonic", CFUNCTYPE(c_int64, c_void_p)),
        ("advance", CFUNCTYPE(c_int, c_void_p, c_int64)),
        ("destroy", CFUNCTYPE(None, c_void_p)),
    ]


class nip_driver_vtable(Structure):
    """As in the C headers."""

    _fields_ = [
        ("size", c_uint32),
        ("verb_class", CFUNCTYPE(c_int, c_void_p, c_char_p)),
        ("start", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int64, POINTER(c_void_p))),
        ("cancel", CFUNCTYPE(None, c_void_p, c_void_p)),
        ("fd", CFUNCTYPE(c_int, c_void_p)),
        ("wake", CFUNCTYPE(c_int64, c_void_p)),
        ("dispatch", CFUNCTYPE(c_int, c_void_p, c_int64, POINTER(c_void_p))),
        ("destroy", CFUNCTYPE(None, c_void_p)),
    ]


class nip_summary(Structure):
    """As in the C headers."""

    _fields_ = [
        ("count", c_int64),
        ("negatives", c_int64),
        ("zeros", c_int64),
        ("below", c_int64),
        ("above", c_int64),
        ("not_numbers", c_int64),
        ("least", c_double),
        ("greatest", c_double),
        ("sum", c_double),
    ]


class nip_quantile(Structure):
    """As in the C headers."""

    _fields_ = [
        ("value", c_double),
        ("lower", c_double),
        ("upper", c_double),
        ("rank", c_int64),
    ]


class nip_split(Structure):
    """As in the C headers."""

    _fields_ = [
        ("canary", c_int64),
        ("stable", c_int64),
    ]


class nip_fenceposts(Structure):
    """As in the C headers."""

    _fields_ = [
        ("surge", c_int64),
        ("unavailable", c_int64),
    ]


FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
    "nip_error_code": (c_int, [c_void_p]),
    "nip_error_name": (c_char_p, [c_void_p]),
    "nip_error_message": (c_char_p, [c_void_p]),
    "nip_error_retryable": (c_int, [c_void_p]),
    "nip_error_file": (c_char_p, [c_void_p]),
    "nip_error_path": (c_char_p, [c_void_p]),
    "nip_error_line": (c_int, [c_void_p]),
    "nip_error_column": (c_int, [c_void_p]),
    "nip_error_http_status": (c_int, [c_void_p]),
    "nip_error_os_errno": (c_int, [c_void_p]),
    "nip_error_cause": (c_void_p, [c_void_p]),
    "nip_error_count": (c_int, [c_void_p]),
    "nip_error_at": (c_void_p, [c_void_p, c_int]),
    "nip_error_to_json": (c_void_p, [c_void_p]),
    "nip_error_free": (None, [c_void_p]),
    "nip_code_name": (c_char_p, [c_int]),
    "nip_free": (None, [c_void_p]),
    "nip_version": (c_char_p, []),
    "nip_constant": (c_int, [c_char_p, POINTER(c_int64), POINTER(c_void_p)]),
    "nip_time_parse": (c_int, [c_char_p, POINTER(c_int64), POINTER(c_void_p)]),
    "nip_time_format": (c_void_p, [c_int64]),
    "nip_duration_parse": (c_int, [c_char_p, POINTER(c_int64), POINTER(c_void_p)]),
    "nip_duration_format": (c_void_p, [c_int64]),
    "nip_ctx_new": (c_int, [POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_ctx_set": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "nip_ctx_set_clock": (c_int, [c_void_p, POINTER(nip_clock), POINTER(c_void_p)]),
    "nip_ctx_now": (c_int64, [c_void_p]),
    "nip_ctx_free": (None, [c_void_p]),
    "nip_doc_load_file": (c_int, [c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_doc_load_text": (c_int, [c_char_p, c_size_t, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_doc_kind": (c_char_p, [c_void_p]),
    "nip_doc_check": (c_int, [c_void_p, POINTER(c_void_p)]),
    "nip_doc_set": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "nip_doc_to_json": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_doc_free": (None, [c_void_p]),
    "nip_schema_write": (c_int, [c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_schema_list": (c_int, [POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_store_open": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_store_open_readonly": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_store_free": (None, [c_void_p]),
    "nip_journal_append": (c_int, [c_void_p, c_char_p, c_int64, c_char_p, c_int64, c_char_p, POINTER(c_int64), POINTER(c_void_p)]),
    "nip_journal_read": (c_int, [c_void_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_journal_head": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_journal_verify": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_journal_purge": (c_int, [c_void_p, c_char_p, c_int64, POINTER(c_void_p)]),
    "nip_store_subjects": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_queue_read": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_lease_read": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_driver_new": (c_int, [POINTER(nip_driver_vtable), c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_driver_open": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_driver_free": (None, [c_void_p]),
    "nip_drivers_new": (c_int, [POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_drivers_bind": (c_int, [c_void_p, c_char_p, c_void_p, POINTER(c_void_p)]),
    "nip_drivers_open": (c_int, [c_void_p, c_void_p, c_char_p, POINTER(c_void_p)]),
    "nip_drivers_free": (None, [c_void_p]),
    "nip_action_id": (c_char_p, [c_void_p]),
    "nip_action_run": (c_char_p, [c_void_p]),
    "nip_action_subject": (c_char_p, [c_void_p]),
    "nip_action_role": (c_char_p, [c_void_p]),
    "nip_action_verb": (c_char_p, [c_void_p]),
    "nip_action_args": (c_char_p, [c_void_p]),
    "nip_action_before": (c_char_p, [c_void_p]),
    "nip_action_settles": (c_int, [c_void_p]),
    "nip_action_repeated": (c_int, [c_void_p]),
    "nip_action_deadline": (c_int64, [c_void_p]),
    "nip_action_complete": (c_int, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "nip_plan_from_json": (c_int, [c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_plan_from_doc": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_plan_to_json": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_plan_explain": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_plan_subject": (c_char_p, [c_void_p]),
    "nip_plan_drivers": (c_char_p, [c_void_p]),
    "nip_plan_steps": (c_int64, [c_void_p]),
    "nip_plan_free": (None, [c_void_p]),
    "nip_run_new": (c_int, [c_void_p, c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_resume": (c_int, [c_void_p, c_char_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_open": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_next": (c_int, [c_void_p, c_int64, POINTER(c_void_p), POINTER(c_int64), POINTER(c_void_p)]),
    "nip_run_complete": (c_int, [c_void_p, c_int64, c_char_p, c_char_p, POINTER(c_void_p)]),
    "nip_run_poll": (c_int, [c_void_p, POINTER(c_void_p)]),
    "nip_run_request": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_char_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_id": (c_char_p, [c_void_p]),
    "nip_run_subject": (c_char_p, [c_void_p]),
    "nip_run_state": (c_char_p, [c_void_p]),
    "nip_run_sequence": (c_int64, [c_void_p]),
    "nip_run_status": (c_int, [c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_free": (None, [c_void_p]),
    "nip_run_list": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_release_read": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_gate_answer": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_char_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_gate_read": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_window_judge": (c_int, [c_char_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_outbox_read": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_run_plan": (c_int, [c_void_p, c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_observe": (c_int, [c_void_p, c_void_p, c_char_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_rollout": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_sla_collect": (c_int, [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_run": (c_int, [c_void_p, POINTER(c_void_p)]),
    "nip_op_wait": (c_int, [c_void_p, c_int64, POINTER(c_void_p)]),
    "nip_op_fd": (c_int, [c_void_p]),
    "nip_op_step": (c_int, [c_void_p, POINTER(c_void_p)]),
    "nip_op_cancel": (None, [c_void_p]),
    "nip_op_next_event": (c_int, [c_void_p, POINTER(c_char_p), POINTER(c_void_p)]),
    "nip_op_status": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_result": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_op_free": (None, [c_void_p]),
    "nip_verdict_name": (c_char_p, [c_int]),
    "nip_binomial_tail": (c_int, [c_int64, c_int64, c_double, POINTER(c_double), POINTER(c_void_p)]),
    "nip_ratio_verdict": (c_int, [c_int64, c_int64, c_double, c_int64, c_int64, c_double, POINTER(c_void_p)]),
    "nip_histogram_new": (c_int, [POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_histogram_record": (c_int, [c_void_p, c_double, c_int64, POINTER(c_void_p)]),
    "nip_histogram_record_n": (c_int, [c_void_p, POINTER(c_double), c_size_t, POINTER(c_void_p)]),
    "nip_histogram_merge": (c_int, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "nip_histogram_summary": (c_int, [c_void_p, POINTER(nip_summary), POINTER(c_void_p)]),
    "nip_histogram_quantile": (c_int, [c_void_p, c_double, POINTER(nip_quantile), POINTER(c_void_p)]),
    "nip_histogram_write": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p)]),
    "nip_histogram_read": (c_int, [c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_histogram_free": (None, [c_void_p]),
    "nip_sla_describe": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_import": (c_int, [c_void_p, c_void_p, c_char_p, c_char_p, c_char_p, c_int64, c_char_p, c_int64, c_int64, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_add_events": (c_int, [c_void_p, c_void_p, c_char_p, c_char_p, POINTER(c_int64), POINTER(c_int64), POINTER(c_int64), c_int64, c_int64, c_int64, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_add_samples": (c_int, [c_void_p, c_void_p, c_char_p, c_char_p, POINTER(c_int64), POINTER(c_double), c_int64, c_int64, c_int64, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_pages": (c_int, [c_void_p, c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_add_pages": (c_int, [c_void_p, c_void_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_exclude": (c_int, [c_void_p, c_void_p, c_char_p, c_int64, POINTER(c_int64), POINTER(c_void_p)]),
    "nip_sla_report": (c_int, [c_void_p, c_void_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_report_text": (c_int, [c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_certificates": (c_int, [c_void_p, c_void_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_simulate": (c_int, [c_void_p, c_void_p, c_char_p, c_int64, c_int64, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_sla_rules": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_health_check": (c_int, [c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_canary_split": (c_int, [c_int64, c_int64, c_int64, POINTER(nip_split), POINTER(c_void_p)]),
    "nip_rolling_fenceposts": (c_int, [c_int64, c_char_p, c_char_p, POINTER(nip_fenceposts), POINTER(c_void_p)]),
    "nip_rollout_plan": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_adopt_plan": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_rollback_plan": (c_int, [c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_ensure_plan": (c_int, [c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_retire_plan": (c_int, [c_char_p, c_char_p, c_int64, c_int, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_observed_compare": (c_int, [c_char_p, c_char_p, POINTER(c_void_p)]),
    "nip_run_report": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_train_apps": (c_int64, [c_void_p]),
    "nip_train_app": (c_int, [c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_train_plan": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_metrics_text": (c_int, [c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_spans": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_run_page": (c_int, [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_argo_convert": (c_int, [c_char_p, c_size_t, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "nip_openslo_convert": (c_int, [c_char_p, c_size_t, c_char_p, POINTER(c_void_p), POINTER(c_void_p)]),
}


def declare(library: CDLL) -> None:
    """Tells ctypes the types of every function, so that no pointer is cut to an int."""
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
