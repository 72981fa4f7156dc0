"""What the faces do with memory variables: named values that fill in the prompts of agents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from db.audit import audited
from db.connection import Pool
from db.failures import foreseen
from db.memories import get_memory, list_memories, set_memory, unset_memory
from db.sessions import note_agent
from engine.assembling import Installation
from engine.known_agents import known_agent, seen
from engine.prompts.cursors import cursor_at, place_in
from engine.prompts.views import MemoryView
from engine.sessions.finding import found_session, readers
from engine.views import Page
from epics.agent_errors import MemoryNotFound
from epics.callers import current_caller
from epics.errors import InvalidInput
from epics.roles import Deed
from timemachine.repositories import inspect_repository

SCOPES: Final = ("installation", "project", "agent", "session")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST: Final = 500
_LONGEST: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose a memory is: the installation's, if nothing is named."""

    repo: str | None = None
    agent: str | None = None
    session: str | None = None

    @property
    def scope(self) -> str:
        """The one of `SCOPES` that is named.

        Raises:
            InvalidInput: if several are.
        """
        given = {"project": self.repo, "agent": self.agent, "session": self.session}
        named = [scope for scope, owner in given.items() if owner is not None]
        if len(named) > 1:
            raise InvalidInput("a memory is that of a repository, an agent or a session: name one of them, or none for the installation")
        return named[0] if named else "installation"


@dataclass(frozen=True, kw_only=True)
class _Place:
    scope: str
    owner: str = ""
    repo: str = ""
    """For the audit: the repository that it belongs to."""


class Memories:
    """The use cases of memory variables; `Engine.memories` gives them."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open installation."""
        self._installation = installation
        self._pool: Pool = installation.database.pool

    async def page(
        self, whose: Whose | None = None, *, name: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[MemoryView]:
        """Those that the caller may read, by scope, owner and name; only those of one owner, if one is named.

        Raises:
            InvalidInput: if the limit is out of range, or the cursor is none.
        """
        if not 1 <= limit <= _MOST:
            message = f"the limit must be from 1 to {_MOST}, not {limit}"
            raise InvalidInput(message)
        place = None if whose is None else await self._place(whose)
        after = place_in(cursor, str, str, str) if cursor is not None else (None, None, None)
        asked = {"scope": place and place.scope, "owner": place and place.owner, "name": name, "limit": limit + 1}
        last = dict(zip(("after_scope", "after_owner", "after_name"), after, strict=True))
        rows = await list_memories(self._pool, {**asked, **last}, readers())
        items = tuple(self._view(row) for row in rows[:limit])
        return Page[MemoryView](
            items=items, next=cursor_at((items[-1].scope, items[-1].owner, items[-1].name)) if len(rows) > limit else None
        )

    async def get(self, whose: Whose, name: str) -> MemoryView:
        """One value, of exactly this owner.

        Raises:
            MemoryNotFound: if there is none, or the caller may not read it.
        """
        place = await self._place(whose)
        if place.scope == "project":
            current_caller().check(Deed.READ, place.repo)
        row = await get_memory(self._pool, place.scope, place.owner, name)
        if row is None:
            raise _no_memory(name, place)
        return self._view(row)

    async def set(self, whose: Whose, name: str, value: str) -> MemoryView:
        """Keep a value, in place of the one that was there.

        Raises:
            InvalidInput: if the name or the value cannot be one.
            Forbidden: if the caller may not: whoever may run agents there for sessions and repositories, else admins.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"{name[:80]!r} is no name of a variable: up to 64 of a-z, 0-9 and _, a letter first")
        if len(value) > _LONGEST or "\0" in value:
            raise InvalidInput(f"a value has up to {_LONGEST:,} characters, and no NUL")
        place = await self._place(whose, writing=True)
        owners = {"repo": "project", "agent": "agent", "session": "session"}
        columns = {column: place.owner if place.scope == scope else None for column, scope in owners.items()}
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                where = {"scope": place.scope, "name": name, **columns}
                row = await set_memory(connection, where, value, by=current_caller().person)
                if row is None:
                    raise _no_memory(name, place)
                await self._audited(connection, "set", place, name)
        return self._view(row)

    async def unset(self, whose: Whose, name: str) -> MemoryView:
        """Forget a value, and return it as it was.

        Raises:
            MemoryNotFound: if there is none.
            Forbidden: as in `set`.
        """
        place = await self._place(whose, writing=True)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await unset_memory(connection, place.scope, place.owner, name)
                if row is None:
                    raise _no_memory(name, place)
                await self._audited(connection, "unset", place, name)
        return self._view(row)

    async def _audited(self, connection: Any, deed: str, place: _Place, name: str) -> None:
        where = {"scope": place.scope, "owner": place.owner} if place.owner else {"scope": place.scope}
        await audited(connection, deed, kind="memory", subject=name, repo=place.repo, data=where)

    async def _place(self, whose: Whose, *, writing: bool = False) -> _Place:
        """Where it stands, after the caller's role was held against it where it is to be written."""
        scope, caller = whose.scope, current_caller()
        if whose.session is not None:
            found = await found_session(self._pool, whose.session)
            if writing:
                caller.check(Deed.RUN, found.repo)
            return _Place(scope=scope, owner=found.id, repo=found.repo)
        if whose.repo is not None:
            location = await self._location(whose.repo)
            if writing:
                caller.check(Deed.RUN, location)
            return _Place(scope=scope, owner=location, repo=location)
        if writing:
            caller.check(Deed.ADMINISTER)
        if whose.agent is None:
            return _Place(scope=scope)
        if writing:
            await note_agent(self._pool, seen(await known_agent(self._installation.agents_dir, whose.agent)))
        return _Place(scope=scope, owner=whose.agent)

    async def _location(self, repo: str) -> str:
        return (await inspect_repository(repo, None, self._installation.git_environment)).location

    def _view(self, row: dict[str, Any]) -> MemoryView:
        return MemoryView.model_validate({**row, "value": self._pool.clean(row["value"])})


def _no_memory(name: str, place: _Place) -> MemoryNotFound:
    whose = f"the {place.scope} {place.owner}" if place.owner else "the installation"
    return MemoryNotFound(f"there is no memory {name[:80]!r} of {whose}: see `genie memory variables`")
