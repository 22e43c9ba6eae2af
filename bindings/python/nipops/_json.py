"""JSON on its way in and out."""
import json
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ._calls import encode
from .times import parse_time_ns

JsonMap = Union[str, Mapping[str, Any]]

_decoder = json.JSONDecoder()


def json_bytes(value: JsonMap, what: str) -> bytes:
    """JSON text for the library, from a dict or from text that is JSON already."""
    if isinstance(value, str):
        return encode(value, what)
    if not isinstance(value, Mapping):
        raise TypeError("%s must be a dict or JSON text, found %s" % (what, type(value).__name__))
    return encode(json.dumps(dict(value), ensure_ascii=False, allow_nan=False), what)


def optional_json_bytes(value: Optional[JsonMap], what: str) -> Optional[bytes]:
    """The same where None means that there is none."""
    return None if value is None else json_bytes(value, what)


def split_list(text: str) -> List[Tuple[Dict[str, Any], str]]:
    """The maps of a JSON list, each with its own text as the library wrote it."""
    items = []
    at = 1
    while at < len(text) and text[at] != "]":
        item, end = _decoder.raw_decode(text, at)
        items.append((item, text[at:end]))
        at = end + 1 if text[end:end + 1] == "," else end
    return items


def time_at(raw: Mapping[str, Any], key: str) -> Optional[int]:
    """An instant of a map in nanoseconds; None when it is absent or null."""
    text = raw.get(key)
    return parse_time_ns(text) if isinstance(text, str) else None
