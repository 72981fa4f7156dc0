"""Secrets stored, listed, removed, sealed anew and looked for; no value is ever printed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from getpass import getpass
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, table
from cli.words import ago, many
from config.settings import Settings
from engine.engine import Engine
from engine.secret_views import RotationView, SecretView, Suspect
from engine.stored_settings import of_environment
from engine.views import Page
from epics.errors import InvalidInput

_MOST: Final = 100_000


def value_of(settings: Settings, name: str, *, from_env: str | None, file: Path | None) -> str:
    """The value of a secret, from wherever it is to come; never from an argument, which everybody on the machine can read.

    Raises:
        InvalidInput: if it is not there.
    """
    if from_env is not None and file is not None:
        raise InvalidInput("give --from-env or --file, not both")
    if from_env is not None:
        secret = settings.secret_named(from_env)
        if secret is None:
            raise InvalidInput(f"the variable {from_env} is not set: put the secret in it")
        return secret.get_secret_value()
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the secret cannot be read from {file}: is it a text file that you may read?") from error
    return getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read(_MOST)


async def set_secret(engine: Engine, output: Output, settings: Settings, name: str, value: str) -> int:
    """Store a secret."""
    await engine.secrets.set(name, value)
    output.say(f"{name} is stored, sealed", style="green")
    if name in of_environment(settings):
        output.say("the environment here has it too, and that one counts here", style="yellow")
    if name.startswith("mcp_"):
        output.say("MCP servers are given it from their next start on, those that a repository names where GENIE_MCP_SECRETS_FOR lets it")
    else:
        output.say("servers and workers that run take it when they are started again")
    return ExitCode.DONE


async def list_secrets(engine: Engine, output: Output, settings: Settings) -> int:
    """List what is stored."""
    found = await engine.secrets.all()
    output.answer(record=Page[SecretView](items=found), parts=_stored(found, of_environment(settings)))
    return ExitCode.DONE


async def remove(engine: Engine, output: Output, name: str) -> int:
    """Forget a secret."""
    await engine.secrets.remove(name)
    output.say(f"{name} is removed")
    return ExitCode.DONE


async def rotate(engine: Engine, output: Output, new: str | None) -> int:
    """Seal everything anew."""

    def told(where: str, count: int) -> None:
        output.note(f"{where}: {many(count, 'text')} sealed anew")

    rotated = await engine.secrets.rotate(new=new, told=told)
    output.answer(record=rotated, parts=_rotated(rotated, is_new=new is not None))
    return ExitCode.FAILED if rotated.unreadable else ExitCode.DONE


async def scan(engine: Engine, output: Output) -> int:
    """Look for secrets in clear."""

    def told(where: str, count: int) -> None:
        output.note(f"{where}: {many(count, 'row')} read")

    found = await engine.secrets.scan(told=told)
    output.answer(record=Page[Suspect](items=found), parts=_suspects(found))
    return ExitCode.FAILED if found else ExitCode.DONE


def _stored(found: Sequence[SecretView], here: frozenset[str]) -> Iterator[RenderableType]:
    if not found:
        yield Text("nothing is stored: store a secret with `genie secret set NAME`")
        return
    rows = [
        (each.name, ago(each.updated_at), clean(each.updated_by, 60), "the environment's" if each.name in here else "") for each in found
    ]
    yield table(("NAME", "AGO", "BY", "COUNTS INSTEAD"), rows)


def _rotated(rotated: RotationView, *, is_new: bool) -> Iterator[RenderableType]:
    how = "a rotation that was cut off is at its end" if rotated.resumed else "all is sealed with a new data key"
    yield Text(f"{how}: {many(rotated.texts, 'text')} sealed anew; the key {rotated.master} opens them", style="green")
    if is_new:
        yield Text("the old key opens nothing any more: where GENIE_SECRET_KEY has it, set the new one, and start what runs again")
    for where in rotated.unreadable:
        yield Text.assemble("could not be opened, and stays as it is: ", clean(where, 300), style="yellow")


def _suspects(found: Sequence[Suspect]) -> Iterator[RenderableType]:
    if not found:
        yield Text("no secret stands in the database in clear", style="green")
        return
    yield table(("TABLE", "COLUMN", "ROW", "WHAT"), [(each.table, each.column, clean(each.row, 80), each.what) for each in found])
    yield Text(f"{many(len(found), 'place')} to look at", style="yellow")
