"""Which verb a command is, and whether its caller may: the role table held against what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from typer._click.globals import get_current_context

from cli.inputs import repository_at
from engine.access.role_table import VERBS, Needed, Of
from engine.engine import Engine
from epics.access_errors import Forbidden

_NAMED_BY: Final[Mapping[Of, str]] = {
    Of.EPIC: "epic",
    Of.RUN: "run",
    Of.ASK: "ask",
    Of.SESSION: "session",
    Of.APPROVAL: "approval",
    Of.REPO: "repo",
}
"""The parameter of a command that names the thing whose repository counts."""


@dataclass(frozen=True, kw_only=True)
class AskedVerb:
    """A verb, and what was given with it."""

    verb: str
    given: Mapping[str, Any]


def asked_verb() -> AskedVerb:
    """What the command at hand was called as."""
    context = get_current_context()
    return AskedVerb(verb=context.command_path.partition(" ")[2], given=dict(context.params))


async def permit(engine: Engine, asked: AskedVerb) -> None:
    """See that the current caller may do what was asked for.

    Raises:
        NotFound: if what is named is not there, or the caller may not even read it.
        Forbidden: if it may be read, and this not be done; also for a verb that nobody put into the role table.
    """
    row = VERBS.get(asked.verb)
    if row is None:
        raise Forbidden(f"nobody said which role `genie {asked.verb}` needs, so it is refused")
    if not isinstance(row, Needed):
        return
    named = asked.given.get(_NAMED_BY.get(row.of, ""))
    if named is not None and row.of is Of.REPO:
        named = repository_at(str(named))
    await engine.guarding.permit(row, None if named is None else str(named))
