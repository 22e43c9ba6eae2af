"""Documents of other tools, brought into ours."""
import json
from dataclasses import dataclass
from typing import Any, Tuple, Union

from ._calls import call_text, encode
from ._library import C
from .document import Document


@dataclass(frozen=True)
class ConversionNote:
    """What became of a part of the manifest."""

    what: str     #: "changed", "dropped" or "guessed"
    at: str       #: "spec.strategy.canary.steps[2].setHeaderRoute"
    line: int     #: in the manifest; 0: not at one place
    message: str


@dataclass(frozen=True)
class Conversion:
    """A document in YAML, and an account of what was guessed, changed and left out."""

    text: str
    notes: Tuple[ConversionNote, ...]

    def document(self) -> Document:
        """The document, ready to be checked or planned from."""
        return Document.parse(self.text)


def convert_argo(manifest: Union[str, bytes], name: str = "manifest") -> Conversion:
    """
    Converts a manifest of Argo Rollouts: a Rollout, with the AnalysisTemplates that it names, separated by lines of ---.

    DocumentSyntaxError, LimitError (8 MiB, 100 documents), DocumentError (no Rollout among them).
    """
    return _convert(C.nip_argo_convert, manifest, name)


def convert_openslo(manifest: Union[str, bytes], name: str = "manifest") -> Conversion:
    """
    Converts manifests of OpenSLO (openslo/v1) into one document of service levels: SLOs, with the SLIs and data sources that they name.

    DocumentSyntaxError, LimitError (8 MiB, 100 documents), DocumentError (no SLO among them).
    """
    return _convert(C.nip_openslo_convert, manifest, name)


def _convert(function: Any, manifest: Union[str, bytes], name: str) -> Conversion:
    text = manifest.encode() if isinstance(manifest, str) else manifest
    told = json.loads(call_text(function, text, len(text), encode(name, "name")))
    return Conversion(told["document"], tuple(ConversionNote(note["what"], note["at"], note["line"], note["message"]) for note in told["notes"]))
