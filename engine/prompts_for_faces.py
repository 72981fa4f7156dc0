"""What the faces do with prompts: list, add a version, activate one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from agents.prompts import Template, check_template
from db.audit import audited
from db.connection import Pool
from db.epics import Row
from db.failures import foreseen
from db.prompts import DEFAULT, activate_prompt, active_prompt, add_prompt, list_prompts, one_prompt, prompt_of_agent
from db.sessions import note_agent
from engine.assembling import Installation
from engine.known_agents import known_agent, own_prompt, seen
from engine.prompts.cursors import cursor_at, place_in
from engine.prompts.views import PromptView
from engine.views import Page
from epics.agent_errors import PromptNotFound
from epics.callers import current_caller
from epics.errors import InvalidInput, NotFound

_MOST: Final = 500
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Prompts:
    """The use cases of prompts; `Engine.prompts` gives them."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open installation."""
        self._installation = installation
        self._pool: Pool = installation.database.pool

    async def page(
        self, *, agent: str | None = None, status_key: str | None = None, active: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[PromptView]:
        """Versions by agent and status key, the newest first; where an agent is named, the one in its code is among them.

        Raises:
            InvalidInput: if the limit is out of range, or the cursor is none.
        """
        if not 1 <= limit <= _MOST:
            message = f"the limit must be from 1 to {_MOST}, not {limit}"
            raise InvalidInput(message)
        if agent is not None:
            # What is stored of one that is gone or broken is shown all the same.
            with suppress(NotFound, InvalidInput):
                await self._with_own(agent)
        after = place_in(cursor, str, str, int) if cursor is not None else (None, None, None)
        asked = {"agent": agent, "key": status_key, "active": active, "limit": limit + 1}
        rows = await list_prompts(self._pool, {**asked, **dict(zip(("after_agent", "after_key", "after_version"), after, strict=True))})
        items = tuple(_view(row) for row in rows[:limit])
        return Page[PromptView](
            items=items, next=cursor_at((items[-1].agent, items[-1].status_key, items[-1].version)) if len(rows) > limit else None
        )

    async def show(self, agent: str, status_key: str = DEFAULT, version: int | None = None) -> PromptView:
        """One version; the active one if none is named.

        Raises:
            PromptNotFound: if there is none.
        """
        with suppress(NotFound, InvalidInput):
            await self._with_own(agent)
        if version is None:
            row = await active_prompt(self._pool, agent, status_key)
        else:
            row = await one_prompt(self._pool, agent, status_key, version)
        if row is None:
            raise _no_prompt(agent, status_key, version)
        return _view(row)

    async def add(self, agent: str, text: str, *, status_key: str = DEFAULT, variables: Mapping[str, str] | None = None) -> PromptView:
        """Add the next version; it is not active before it is activated.

        Args:
            agent: an agent written in Python.
            text: a template with `{{variables}}`.
            status_key: which of the agent's prompts it is a version of.
            variables: values for variables that no memory gives.

        Raises:
            InvalidInput: if it is no template, or a default is for no variable of it.
            WorkflowNotFound: if there is no such agent.
        """
        _check_key(status_key)
        check_template(Template(agent=agent, status_key=status_key, version=0, text=text, variables=variables or {}))
        await self._with_own(agent)
        author = current_caller().person
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await add_prompt(connection, agent, status_key, text, variables or {}, author)
                if row is None:
                    raise _no_prompt(agent, status_key, None)
                await audited(connection, "add", kind="prompt", subject=_subject(row))
        return _view(row)

    async def activate(self, agent: str, version: int, *, status_key: str = DEFAULT) -> PromptView:
        """Let runs that begin from now on be told this version.

        Raises:
            PromptNotFound: if there is no such version.
        """
        with suppress(NotFound, InvalidInput):
            await self._with_own(agent)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await activate_prompt(connection, agent, status_key, version)
                if row is None:
                    raise _no_prompt(agent, status_key, version)
                await audited(connection, "activate", kind="prompt", subject=_subject(row))
        return _view(row)

    async def _with_own(self, name: str) -> None:
        """See that what stands in the agent's code is a version."""
        agent = await known_agent(self._installation.agents_dir, name)
        await note_agent(self._pool, seen(agent))
        own = own_prompt(agent)
        await prompt_of_agent(self._pool, agent.name, own.text, own.variables)


def _view(row: Row) -> PromptView:
    template = Template(
        agent=row["agent"], status_key=row["status_key"], version=row["version"], text=row["text"], variables=row["variables"]
    )
    names: tuple[str, ...] = ()
    # An agent's own was never held against anything before it is used.
    with suppress(InvalidInput):
        names = tuple(sorted(template.names))
    return PromptView.model_validate({**row, "names": names})


def _subject(row: Row) -> str:
    return f"{row['agent']} {row['status_key']} {row['version']}"


def _no_prompt(agent: str, status_key: str, version: int | None) -> PromptNotFound:
    which = f"version {version} of the prompt" if version is not None else "active prompt"
    return PromptNotFound(f"there is no {which} {status_key!r} of {agent!r}: see `genie prompt list {agent}`")


def _check_key(status_key: str) -> None:
    if not _KEY.fullmatch(status_key):
        raise InvalidInput(f"{status_key[:80]!r} cannot be a status key: up to 40 of a-z, 0-9 and _, a letter first")
