"""Every verb of the command line has a row in the role table, and every row is a verb's."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from typer.main import get_command

from cli.main import COMMANDS
from engine.access.role_table import VERBS, Free, Needed, Of
from epics.roles import NEEDED, Deed, Role


def verbs_in(command: Any, name: str) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if not below or getattr(command, "invoke_without_command", False):
        yield name
    for word, each in (below or {}).items():
        yield from verbs_in(each, f"{name} {word}")


def test_each_verb_is_a_deed_that_the_table_names():
    verbs = {verb for name, (module, _) in COMMANDS.items() for verb in verbs_in(get_command(import_module(module).app), name)}

    assert verbs == set(VERBS)


def test_verbs_that_ask_nobody_reach_no_epic():
    free = {verb for verb, row in VERBS.items() if isinstance(row, Free)}

    assert not [verb for verb in free if verb.split()[0] in {"epic", "approval", "time", "replay", "run", "webhook", "person", "audit"}]


@pytest.mark.parametrize(
    "verb, role",
    [("epic list", Role.VIEWER), ("epic start", Role.OPERATOR), ("approval approve", Role.APPROVER), ("db prune", Role.ADMIN)],
)
def test_a_verb_needs_the_role_of_its_deed(verb, role):
    row = VERBS[verb]

    assert isinstance(row, Needed)
    assert NEEDED[row.deed] is role


def test_only_administering_and_reading_lists_name_nothing():
    loose = {row.deed for verb, row in VERBS.items() if isinstance(row, Needed) and row.of is Of.NOTHING and verb != "demo"}

    assert loose <= {Deed.READ, Deed.ADMINISTER}
