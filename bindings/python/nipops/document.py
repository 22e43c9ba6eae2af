"""Documents: YAML or JSON text that remembers line and column of every value."""
import json
import os
from typing import Any, Dict, Optional, Union

from ._calls import borrowed_text, call, call_text, encode, encode_path
from ._handle import Handle, Using, made
from ._library import C
from .errors import DocumentError

Scalar = Union[str, int, float, bool, None]


class Document(Handle):
    """A document of any kind: "rollout", "health", "sla", "plan", ... Made by `load` or `parse`."""

    __slots__ = ()
    _noun = "document"
    _makers = "Document.load(path) or Document.parse(text)"

    @classmethod
    def load(cls, path: "Union[str, os.PathLike[str]]") -> "Document":
        """Reads a file; "-" is standard input. SystemCallError, DocumentSyntaxError, LimitError."""
        return cls._made(C.nip_doc_load_file, encode_path(path, "path"))

    @classmethod
    def parse(cls, text: Union[str, bytes], name: Optional[str] = None) -> "Document":
        """Reads YAML or JSON; `name` is what messages call it. DocumentSyntaxError, LimitError."""
        data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
        return cls._made(C.nip_doc_load_text, data, len(data), None if name is None else encode(name, "name"))

    @classmethod
    def _made(cls, function: Any, *arguments: Any) -> "Document":
        return cls(made(C.nip_doc_free, (), function, *arguments))

    @property
    def kind(self) -> str:
        """The name of its only or best-known top-level key."""
        with Using(self) as (doc,):
            return borrowed_text(C.nip_doc_kind(doc))

    @property
    def subject(self) -> Optional[str]:
        """The app of a rollout document, by which its journal, runs and release are found; None when the document names none."""
        root = json.loads(self.to_json())
        rollout = root.get("rollout", root) if isinstance(root, dict) else None
        app = rollout.get("app") if isinstance(rollout, dict) else None
        return app if isinstance(app, str) else None

    def check(self) -> None:
        """Checks it against its kind's schema. DocumentError has all problems, each with line, column and path."""
        with Using(self) as (doc,):
            call(C.nip_doc_check, doc)

    def set(self, pointer: str, value: Scalar) -> None:
        """
        Overrides one value: ``document.set("/rollout/replicas", 6)``. A str stays text, "1.30" too; a number, a bool or None is that.
        InvalidError for a pointer that cannot be followed, TypeError for other values.
        """
        self.set_scalar(pointer, _scalar(value))

    def set_scalar(self, pointer: str, text: str) -> None:
        """
        Overrides one value as a command line does, by text that is read as a YAML scalar: "6" and "1.30" are numbers, "'1.30'" and "yes"
        are text, "" is null. InvalidError.
        """
        with Using(self) as (doc,):
            call(C.nip_doc_set, doc, encode(pointer, "pointer"), encode(text, "value"))

    def to_json(self) -> str:
        """The document as JSON, keys in the order of the text. Secrets are masked, so this is to be shown, not to be read again."""
        with Using(self) as (doc,):
            return call_text(C.nip_doc_to_json, doc)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dict: secrets are masked. DocumentError when the document is a list or a single value."""
        document = json.loads(self.to_json())
        if not isinstance(document, dict):
            raise DocumentError("a document must be a map, found %s" % type(document).__name__)
        return document


def _scalar(value: object) -> str:
    """As YAML's scalar."""
    if isinstance(value, str):
        encode(value, "value")
        return '"%s"' % "".join(sign if " " <= sign <= "~" and sign not in '"\\' else "\\U%08x" % ord(sign) for sign in value)
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value, allow_nan=False)
    raise TypeError("value must be str, int, float, bool or None, found %s" % type(value).__name__)
