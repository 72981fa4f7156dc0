"""The form of what is checkpointed, frozen: `python tests/golden/frozen.py` writes it anew, after what CONTRIBUTING.md asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from db.serializer import CHECKPOINTED
from epics.state import EpicState
from epics.steps import TRANSITIONS
from epics.upgrades import THIS_RELEASE

FILE: Final = Path(__file__).with_name("frozen.json")

_WORDS: Final = frozenset({"description", "title"})
"""What may change at any time: no stored state depends on it."""


def form() -> dict[str, Any]:
    """Types by module path, the fields of the state with all their constraints, the steps and their edges, and the versions of it all."""
    return {
        "graph_version": THIS_RELEASE.graph,
        "state_version": THIS_RELEASE.state,
        "types": sorted(f"{module}.{name}" for module, name in CHECKPOINTED),
        "state": _without_words(EpicState.model_json_schema()),
        "edges": {step: sorted(there) for step, there in sorted(TRANSITIONS.items())},
    }


def _without_words(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_words(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A field may be called `title` too: then its value is a schema, and not a text.
    return {key: _without_words(value) for key, value in sorted(schema.items()) if not (key in _WORDS and isinstance(value, str))}


if __name__ == "__main__":
    FILE.write_text(json.dumps(form(), indent=1, sort_keys=True) + "\n")
