"""Documents: YAML or JSON text that remembers line and column of every value."""
import json
import os
from typing import Any, Dict, Optional, Union

from ._calls import borrowed_text, call, call_text, encode
from ._handle import Handle, Using, made
from ._library import C


class Document(Handle):
    """A document of any kind: "rollout", "health", "plan", ... Made by `load` or `parse`."""

    __slots__ = ()
    _noun = "document"

    @classmethod
    def load(cls, path: "Union[str, os.PathLike[str]]") -> "Document":
        """Reads a file; "-" is standard input. SystemCallError, DocumentSyntaxError, LimitError."""
        return cls._made(C.nip_doc_load_file, encode(os.fspath(path), "path"))

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

    def check(self) -> None:
        """Checks it against its kind's schema. DocumentError has all problems, each with line, column and path."""
        with Using(self) as (doc,):
            call(C.nip_doc_check, doc)

    def set(self, pointer: str, value: object) -> None:
        """
        Overrides one value as a command line does: ``doc.set("/rollout/replicas", 6)``. The value is read as a YAML scalar; InvalidError
        for a pointer that cannot be followed.
        """
        text = value if isinstance(value, str) else json.dumps(value)
        with Using(self) as (doc,):
            call(C.nip_doc_set, doc, encode(pointer, "pointer"), encode(text, "value"))

    def to_json(self) -> str:
        """The document as JSON, secrets masked, keys in the order of the text."""
        with Using(self) as (doc,):
            return call_text(C.nip_doc_to_json, doc)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dict."""
        document: Dict[str, Any] = json.loads(self.to_json())
        return document
