"""What a command line says in place of a rollout document."""
from typing import Any, Dict, List, Union

import nipops

#: Where a document has each option's value: the first of these that is there, else the last.
SPELLINGS = {
    "image_tag": ["artifact", "image_tag"],
    "strategy": ["strategy"],
    "replicas": ["replicas"],
    "health_check_url": ["health/url", "health_check_url"],
    "canary_percentage": ["initial_canary_percentage", "canary/stages/0/share", "canary/stages/0/percentage", "promotion_stages/0/share",
                          "promotion_stages/0/percentage", "initial_canary_percentage"],
}


def keys_of(document: nipops.Document) -> Dict[str, Any]:
    """The rollout's keys, which stand under "rollout:" or alone."""
    root = document.to_dict()
    inner = root.get("rollout", root)
    return inner if isinstance(inner, dict) else {}


def set_key(document: nipops.Document, path: str, value: Union[str, int]) -> None:
    """Sets one of the rollout's keys."""
    document.set(("/rollout/" if "rollout" in document.to_dict() else "/") + path, value)


def override(document: nipops.Document, options: Dict[str, Any]) -> None:
    """Replaces what the document says by the options that were given."""
    there = _paths(keys_of(document))
    for option, value in options.items():
        if value is None:
            continue
        paths = SPELLINGS[option]
        path = next((path for path in paths if path in there), paths[-1])
        set_key(document, path, "http://{endpoint}" + value if path == "health/url" and value.startswith("/") else value)
        if option == "image_tag" and "version" in there:  # another artifact under the old version's name would look like no change
            set_key(document, "version", value)


def name_in(document: nipops.Document, namespace: str) -> None:
    """Makes NAMESPACE.APP of the app: a journal, a release and a lease of its own."""
    set_key(document, "app", "%s.%s" % (namespace, document.subject or ""))


def _paths(value: object, above: str = "") -> List[str]:
    """The paths of all that is in maps and lists: canary, canary/stages, canary/stages/0, canary/stages/0/share, ..."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in pairs:
        found += [above + str(key), *_paths(inner, above + str(key) + "/")]
    return found
