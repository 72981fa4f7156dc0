"""Keys and tokens made, listed, rotated and revoked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, table
from cli.service import Service
from cli.words import ago, local
from engine.access.views import KeyView, NewKeyView
from engine.engine import Engine
from engine.views import Page
from epics.granting import grant_text
from epics.roles import Grant


async def create(
    service: Service, output: Output, name: str, grants: Sequence[Grant], *, person: str | None, lasts: timedelta | None
) -> int:
    """Make a key, and show it this once."""
    made = await service.access.create_key(name, grants, person=person, lasts=lasts)
    output.say(f"key {made.id} of {made.person}: {_worth(made.grants)}{_until(made)}", style="green")
    _show_once(made, output)
    return ExitCode.DONE


async def list_keys(service: Service, output: Output, person: str | None) -> int:
    """List the keys."""
    found = await service.access.list_keys(person)
    output.answer(record=Page[KeyView](items=found), parts=_keys(found))
    return ExitCode.DONE


async def rotate(service: Service, output: Output, key: str, grace: timedelta) -> int:
    """Give a key another secret, and show it this once."""
    made = await service.access.rotate_key(key, grace=grace)
    old = "the secret so far holds no more" if made.old_until is None else f"the secret so far holds until {local(made.old_until)}"
    output.say(f"key {made.id} of {made.person} has a new secret; {old}", style="green")
    _show_once(made, output)
    return ExitCode.DONE


async def revoke(service: Service, output: Output, key: str) -> int:
    """End a key."""
    ended = await service.access.revoke_key(key)
    output.say(f"key {ended.id} of {ended.person} opens nothing any more")
    if output.as_json:
        output.json(ended)
    return ExitCode.DONE


async def revoke_token(engine: Engine, output: Output, number: str) -> int:
    """Take a token back."""
    await engine.access.revoke_token(number)
    output.say(f"token {number} opens nothing any more")
    return ExitCode.DONE


async def token(engine: Engine, output: Output, lasts: timedelta, *, grants: Sequence[Grant] | None, person: str | None) -> int:
    """Sign a token, and show it this once."""
    made = await engine.access.sign_token(lasts, grants=grants, person=person)
    if output.as_json:
        output.json(made)
        return ExitCode.DONE
    output.note(f"token {made.id} of {made.person}: {_worth(made.grants)}, until {local(made.expires_at)}; it is not shown again")
    # Alone on stdout, so that it can be put into a variable.
    output.say(made.token)
    return ExitCode.DONE


def _show_once(made: NewKeyView, output: Output) -> None:
    if output.as_json:
        output.json(made)
        return
    output.say("it is not shown again:")
    output.say(made.key)


def _worth(grants: Sequence[Grant]) -> str:
    return ", ".join(map(grant_text, grants)) or "nothing"


def _until(key: KeyView) -> str:
    return "" if key.expires_at is None else f", until {local(key.expires_at)}"


def _keys(found: Sequence[KeyView]) -> Iterator[RenderableType]:
    if not found:
        yield Text("there is no key: make one with `genie key create --name NAME --role ROLE`")
        return
    rows = [
        (
            each.id,
            f"gk_{each.prefix}",
            each.person,
            clean(each.name, 100),
            clean(_worth(each.grants), 300),
            each.state,
            "never" if each.expires_at is None else local(each.expires_at),
            "never" if each.last_used_at is None else f"{ago(each.last_used_at)} ago",
        )
        for each in found
    ]
    yield table(("ID", "PREFIX", "PERSON", "NAME", "WORTH", "STATE", "EXPIRES", "USED"), rows)
