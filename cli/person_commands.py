"""People added, shown, changed, linked and removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, facts, table
from cli.words import local, many
from engine.access.people import Identity
from engine.access.views import PersonView
from engine.engine import Engine
from engine.views import Page
from epics.errors import InvalidInput
from epics.granting import grant_text
from epics.roles import Grant


def identities(
    *, os: Iterable[str] | None, slack: Iterable[str] | None, jwt: Iterable[str] | None, needed: bool = False
) -> tuple[Identity, ...]:
    """What the options name.

    Raises:
        InvalidInput: if they name nothing, and something is needed.
    """
    found = tuple((kind, value) for kind, values in (("os", os), ("slack", slack), ("jwt", jwt)) for value in values or ())
    if needed and not found:
        raise InvalidInput("say what a channel knows them by: --slack T/U, --os USER or --jwt 'ISS SUB'")
    return found


async def add(
    engine: Engine, output: Output, name: str, grants: Sequence[Grant], *, groups: Sequence[str], identities: Sequence[Identity]
) -> int:
    """Add a person."""
    made = await engine.access.add_person(name, grants, groups=groups, identities=identities)
    return _shown(made, output, f"{made.name} is added")


async def list_people(engine: Engine, output: Output) -> int:
    """List the people."""
    found = await engine.access.people()
    output.answer(record=Page[PersonView](items=found), parts=_people(found))
    return ExitCode.DONE


async def show(engine: Engine, output: Output, name: str) -> int:
    """Show a person."""
    return _shown(await engine.access.person(name), output)


async def change(engine: Engine, output: Output, name: str, *, grants: Sequence[Grant] | None, groups: Sequence[str] | None) -> int:
    """Give a person other roles or groups."""
    return _shown(await engine.access.set_person(name, grants=grants, groups=groups), output, f"{name} is changed, from now on")


async def link(engine: Engine, output: Output, name: str, known_by: Sequence[Identity]) -> int:
    """Let channels know a person."""
    made = [await engine.access.link(name, kind, value) for kind, value in known_by]
    return _shown(made[-1], output)


async def unlink(engine: Engine, output: Output, name: str, known_by: Sequence[Identity]) -> int:
    """Let channels not know a person any more."""
    made = [await engine.access.unlink(name, kind, value) for kind, value in known_by]
    return _shown(made[-1], output)


async def remove(engine: Engine, output: Output, name: str) -> int:
    """Remove a person."""
    gone = await engine.access.remove_person(name)
    output.say(f"{name} is removed; {many(len(gone), 'key')} ended with it")
    return ExitCode.DONE


def _shown(person: PersonView, output: Output, told: str = "") -> int:
    if output.as_json:
        output.json(person)
        return ExitCode.DONE
    if told:
        output.say(told, style="green")
    rows: list[tuple[str, str | Text | None]] = [
        ("person", person.name),
        ("may", clean(_worth(person), 1_000)),
        ("groups", ", ".join(person.groups) or "–"),
        *(("known by", f"{each.kind} {clean(each.value, 500)}") for each in person.identities),
        ("keys", str(person.keys)),
        ("added", f"{local(person.created_at)}, by {person.created_by}"),
    ]
    output.show(facts(rows))
    return ExitCode.DONE


def _worth(person: PersonView) -> str:
    return ", ".join(map(grant_text, person.grants)) or "nothing"


def _people(found: Sequence[PersonView]) -> Iterator[RenderableType]:
    if not found:
        yield Text("nobody is registered; whoever has the database's password is its admin: see `genie person add`")
        return
    rows = [
        (
            each.name,
            clean(_worth(each), 300),
            ", ".join(each.groups),
            clean(", ".join(f"{known.kind} {known.value}" for known in each.identities), 300),
            str(each.keys),
        )
        for each in found
    ]
    yield table(("NAME", "MAY", "GROUPS", "KNOWN BY", "KEYS"), rows, right=("KEYS",))
