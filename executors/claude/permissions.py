"""What the CLI's own tools may touch: the boundaries of an order as rules of the CLI.

They stop an agent where it would go wrong by mistake. What a command writes is beyond them: git judges the tree at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from executors.port import Order
from executors.tool_names import cli_names

_WRITERS: Final = frozenset({"Write", "Edit"})

_GITS_OWN: Final = (".git", ".git/**", "**/.git", "**/.git/**")


def settings_of(order: Order) -> dict[str, Any]:
    """Return the settings that the CLI is started with: no word about itself in commits, and what may be written."""
    forbidden = dict.fromkeys(rule for glob in (*_GITS_OWN, *order.forbidden_paths) for rule in _rules(glob))
    return {
        "attribution": {"commit": "", "pr": ""},
        "includeCoAuthoredBy": False,
        "permissions": {
            "allow": list(dict.fromkeys(rule for glob in order.allowed_paths for rule in _rules(glob))) if _writes(order) else [],
            "deny": list(forbidden),
        },
    }


def allowed_tools(tools: Iterable[str]) -> tuple[str, ...]:
    """Return which of the CLI's own tools may be called without a question: those that write are left to the rules of the settings.

    Args:
        tools: those that the workflow lists, by Genie's names.
    """
    return tuple(name for name in cli_names(tools) if name not in _WRITERS)


def _writes(order: Order) -> bool:
    return bool(_WRITERS & set(cli_names(order.workflow.tools)))


def _rules(glob: str) -> tuple[str, ...]:
    """A glob of Genie's as rules of the CLI, which reads them as git reads its ignore files: `./` ties them to the root of the tree."""
    path = glob.strip().removeprefix("./")
    if not path:
        return ()
    return (f"Edit(./{path}**)",) if path.endswith("/") else (f"Edit(./{path})",)
