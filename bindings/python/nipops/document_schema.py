"""What documents may say, for editors and manuals."""
import json
from typing import Any, Dict

from ._calls import call_text, encode
from ._library import C


def schema(name: str) -> Dict[str, Any]:
    """
    The JSON Schema (draft 2020-12) of a kind of document ("rollout", "health", "sla", "plan"), or of a built-in driver's settings ("haproxy").
    What only a whole document can get wrong, `Document.check` still says. NotFoundError lists the names.
    """
    written: Dict[str, Any] = json.loads(schema_text(name, "json-schema"))
    return written


def schema_text(name: str, format: str = "markdown") -> str:
    """The same as text: "json-schema", "markdown" (one row a key) or "man". InvalidError for another format."""
    return call_text(C.nip_schema_write, encode(name, "name"), encode(format, "format"))


def schemas() -> Dict[str, str]:
    """All names that have a schema, and what each is of: "document" or "driver"."""
    return {item["name"]: item["of"] for item in json.loads(call_text(C.nip_schema_list))}
