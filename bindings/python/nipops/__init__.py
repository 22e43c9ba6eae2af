"""
Production operations as a library: safe rollouts, health checks, journals. The Python binding of libnipops.

    import nipops

    context = nipops.Context(state_dir="state.db.d")
    document = nipops.Document.load("rollout.yaml")
    drivers = nipops.Drivers(context)
    with nipops.Store(context, "sqlite:state.db") as store:
        observed = nipops.observe(context, document, drivers).run()
        plan = nipops.plan_rollout(document, store.release("shop"), observed)
        with store.start(plan) as run:
            for event in run.drive(drivers):
                print(event.kind)
            print(run.outcome)  # succeeded, returned, stopped or broken
"""
from typing import TYPE_CHECKING, Any, List

from ._abi import NIP_PLAN_FORMAT as PLAN_FORMAT
from ._abi import NIP_RECORD_MAX as RECORD_MAX
from ._abi import NIP_STEPS_MAX as STEPS_MAX
from ._abi import NIP_SUBJECT_MAX as SUBJECT_MAX
from ._abi import VERSION as __version__
from ._library import library_version

if TYPE_CHECKING:
    from .actions import Action, Outcome, VerbClass, done, failed, settled
    from .analysis import Verdict, binomial_tail, ratio_verdict, verdict_name
    from .clock import Clock
    from .constants import constant
    from .context import Context
    from .convert import Conversion, ConversionNote, convert_argo, convert_openslo
    from .document import Document
    from .driver import Driver, DriverAction, Drivers, OpenDriver, open_driver
    from .errors import (
        BusyError,
        CallbackError,
        CancelledError,
        ClosedError,
        ConflictError,
        CorruptError,
        DiffersError,
        DocumentError,
        DocumentSyntaxError,
        DriverError,
        FencedError,
        FormatVersionError,
        FullError,
        HeldError,
        InternalError,
        InvalidError,
        LimitError,
        NipopsError,
        NotFoundError,
        OutOfMemoryError,
        ReadOnlyError,
        StateError,
        StoreError,
        SystemCallError,
        TimedOutError,
        UnsupportedError,
    )
    from .health import health_check
    from .histogram import Histogram, Quantile, Summary
    from .operation import Operation, observe, run_rollout
    from .plan import Plan
    from .records import (
        OUTCOMES,
        Answered,
        Delivery,
        Gate,
        Head,
        HealthReport,
        Lease,
        Queued,
        Record,
        Requested,
        RunStatus,
        RunSummary,
        StepStatus,
        Subject,
        TargetHealth,
        Verification,
        Waiting,
    )
    from .rollout import (
        Fenceposts,
        Split,
        canary_split,
        compare_observed,
        plan_adopt,
        plan_ensure,
        plan_retire,
        plan_rollback,
        plan_rollout,
        rolling_fenceposts,
    )
    from .run import Done, Run, Wait
    from .document_schema import schema, schema_text, schemas
    from .sla import Added, ServiceLevels, describe_sla, sla_report_text, sla_rules
    from .store import Store
    from .train import plan_train, train_apps
    from .times import (
        Duration,
        Instant,
        format_duration,
        format_time,
        parse_duration,
        parse_duration_ns,
        parse_time,
        parse_time_ns,
    )
    from .window import judge_window
    from .worker import WorkerDriver

__all__ = [
    "Action", "Added", "Answered", "BusyError", "CallbackError", "CancelledError", "Clock", "ClosedError", "ConflictError", "Context", "Conversion",
    "ConversionNote", "CorruptError", "Delivery", "DiffersError", "Document", "DocumentError", "DocumentSyntaxError", "Done", "Driver",
    "DriverAction", "DriverError", "Drivers", "Duration", "FencedError", "Fenceposts", "FormatVersionError", "FullError", "Gate", "Head",
    "HealthReport", "HeldError", "Histogram", "Instant", "InternalError", "InvalidError", "Lease", "LimitError", "NipopsError",
    "NotFoundError", "OUTCOMES", "OpenDriver", "Operation", "OutOfMemoryError", "Outcome", "PLAN_FORMAT", "Plan", "Quantile", "Queued",
    "RECORD_MAX", "ReadOnlyError", "Record", "Requested", "Run", "RunStatus", "RunSummary", "STEPS_MAX", "SUBJECT_MAX", "ServiceLevels", "Split",
    "StateError", "StepStatus", "Store", "StoreError", "Subject", "Summary", "SystemCallError", "TargetHealth", "TimedOutError",
    "UnsupportedError", "VerbClass", "Verdict", "Verification", "Wait", "Waiting", "WorkerDriver", "__version__", "binomial_tail",
    "canary_split", "compare_observed", "constant", "convert_argo", "convert_openslo", "describe_sla", "done", "failed", "format_duration", "format_time", "health_check",
    "judge_window", "library_version", "observe", "open_driver", "parse_duration", "parse_duration_ns", "parse_time", "parse_time_ns",
    "plan_adopt", "plan_ensure", "plan_retire", "plan_rollback", "plan_rollout", "plan_train", "ratio_verdict", "rolling_fenceposts",
    "run_rollout", "schema", "schema_text", "schemas", "settled", "sla_report_text", "sla_rules", "train_apps", "verdict_name",
]

# Where the names live. A part is imported when one of its names is first used: all of them take longer than loading the library, and most
# programs need a few.
_HOMES = {
    "actions": "Action Outcome VerbClass done failed settled",
    "analysis": "Verdict binomial_tail ratio_verdict verdict_name",
    "clock": "Clock",
    "constants": "constant",
    "context": "Context",
    "convert": "Conversion ConversionNote convert_argo convert_openslo",
    "document": "Document",
    "driver": "Driver DriverAction Drivers OpenDriver open_driver",
    "errors":
        "BusyError CallbackError CancelledError ClosedError ConflictError CorruptError DiffersError DocumentError "
        "DocumentSyntaxError DriverError FencedError FormatVersionError FullError HeldError InternalError InvalidError "
        "LimitError NipopsError NotFoundError OutOfMemoryError ReadOnlyError StateError StoreError SystemCallError "
        "TimedOutError UnsupportedError",
    "health": "health_check",
    "histogram": "Histogram Quantile Summary",
    "operation": "Operation observe run_rollout",
    "plan": "Plan",
    "records":
        "Answered Delivery Gate Head HealthReport Lease OUTCOMES Queued Record Requested RunStatus RunSummary StepStatus Subject TargetHealth "
        "Verification Waiting",
    "rollout": "Fenceposts Split canary_split compare_observed plan_adopt plan_ensure plan_retire plan_rollback plan_rollout rolling_fenceposts",
    "run": "Done Run Wait",
    "document_schema": "schema schema_text schemas",
    "sla": "Added ServiceLevels describe_sla sla_report_text sla_rules",
    "store": "Store",
    "times": "Duration Instant format_duration format_time parse_duration parse_duration_ns parse_time parse_time_ns",
    "train": "plan_train train_apps",
    "window": "judge_window",
    "worker": "WorkerDriver",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # type checkers take the imports above, and see which names there are not
    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from importlib import import_module
        value = getattr(import_module("." + _HOME_OF[name], __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> List[str]:
        return sorted({*globals(), *__all__})
