"""Time windows: when changes may be made."""
import json
from typing import Any, Dict

from ._calls import call_text
from ._json import JsonMap, json_bytes
from ._library import C
from .times import Instant, instant_ns


def judge_window(rules: JsonMap, at: Instant) -> Dict[str, Any]:
    """
    Is a time window open at an instant, and when does it open?

    rules  {"windows": [{"days", "from", "to", "zone"}], "freeze": [{"from", "to", "why"}]}, as a rollout document has them

    Gives {"open", "at", "opens", "opens_civil", "zone", "why"}. InvalidError: a time or a zone makes no sense.
    """
    judged: Dict[str, Any] = json.loads(call_text(C.nip_window_judge, json_bytes(rules, "rules"), instant_ns(at)))
    return judged
