"""What the faces do with sessions: begin, list, read, say something, close, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row
from db.failures import foreseen
from db.messages import session_messages, session_messages_back
from db.sessions import delete_session, list_sessions, locked_session, rename_session, see_agent, session_row, set_status
from engine.assembling import Installation
from engine.known_agents import known_agent, seen
from engine.refusals import refusals_told
from engine.sessions.finding import found_session, no_session, readers
from engine.sessions.joining import KIND, checked_name, new_session
from engine.sessions.views import MessageView, SessionView
from engine.views import Page
from epics.agent_errors import SessionBusy
from epics.callers import current_caller
from epics.errors import Conflict, InvalidInput
from epics.ids import is_id
from epics.roles import Deed
from timemachine.repositories import inspect_repository

_MOST: Final = 500
_STATUSES: Final = ("open", "closed")


class Sessions:
    """The use cases of sessions; `Engine.sessions` gives them."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open installation."""
        self._installation = installation
        self._pool: Pool = installation.database.pool

    async def create(self, agent: str, *, name: str | None = None, repo: str | None = None) -> SessionView:
        """Begin a conversation with an agent, about a repository or about none.

        Raises:
            Conflict: if the agent has one of that name already.
            InvalidInput: if the agent is a workflow, or the name cannot be one.
            RepositoryUnusable: if the repository cannot be read.
            Forbidden: if the caller may run nothing on the repository.
        """
        name = None if name is None else checked_name(name)
        async with refusals_told(self._pool, "create", kind="session", subject=agent, repo=repo or ""):
            known = seen(await known_agent(self._installation.agents_dir, agent))
            place = await self._repository(repo)
        person = current_caller().person
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                await see_agent(connection, known)
                made = await new_session(connection, agent, name=name, repo=place, person=person)
                if made is None:
                    message = f"{agent} has a session {name!r} already: go on with it, or give another name"
                    raise Conflict(message)
                await audited(connection, "create", kind="session", subject=made, repo=place, data={"agent": agent})
        return await self._view(made)

    async def page(
        self,
        *,
        agent: str | None = None,
        repo: str | None = None,
        name: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[SessionView]:
        """Sessions, the newest first.

        Raises:
            InvalidInput: if there is no such status, the limit is out of range, or the cursor is none.
        """
        if status is not None and status not in _STATUSES:
            message = f"there is no status {status!r} of a session; there are {', '.join(_STATUSES)}"
            raise InvalidInput(message)
        _check_page(limit, known=cursor is None or is_id(cursor, KIND), cursor=cursor)
        asked = {"agent": agent, "repo": repo, "name": name, "status": status, "before": cursor, "limit": limit + 1}
        rows = await list_sessions(self._pool, asked, readers())
        items = tuple(SessionView.model_validate(row) for row in rows[:limit])
        return Page[SessionView](items=items, next=items[-1].id if len(rows) > limit else None)

    async def show(self, session: str) -> SessionView:
        """One session, by its id, the beginning of it, or its name."""
        return await self._view((await found_session(self._pool, session)).id)

    async def messages(self, session: str, *, limit: int = 50, cursor: str | None = None, back: bool = False) -> Page[MessageView]:
        """What was said in a session, in its order; or the newest first.

        Raises:
            SessionNotFound: if there is none.
            InvalidInput: if the limit is out of range, or the cursor is none.
        """
        known = cursor is None or (cursor.isascii() and cursor.isdigit() and len(cursor) <= len("2147483647") - 1)
        _check_page(limit, known=known, cursor=cursor)
        session_id, at = (await found_session(self._pool, session)).id, int(cursor or 0)
        if back:
            rows = await session_messages_back(self._pool, session_id, before=at if cursor else 2_147_483_647, limit=limit + 1)
        else:
            rows = await session_messages(self._pool, session_id, after=at, limit=limit + 1)
        items = tuple(self._message(row) for row in rows[:limit])
        return Page[MessageView](items=items, next=str(items[-1].n) if len(rows) > limit else None)

    async def rename(self, session: str, name: str) -> SessionView:
        """Give a session a name, in place of any that it has.

        Raises:
            Conflict: if the agent has another one of that name there.
            InvalidInput: if the name cannot be one.
        """
        found, name = await found_session(self._pool, session), checked_name(name)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await locked_session(connection, found.id)
                if row is None:
                    raise no_session(session)
                if not await rename_session(connection, found.id, name):
                    message = f"{row['agent']} has a session {name!r} already: give another name"
                    raise Conflict(message)
                await audited(connection, "name", kind="session", subject=found.id, repo=row["repo"])
        return await self._view(found.id)

    async def close(self, session: str) -> SessionView:
        """Let nothing more be said in a session.

        Raises:
            SessionBusy: if a run of it has not ended.
        """
        return await self._with_status(session, "closed", deed="close")

    async def reopen(self, session: str) -> SessionView:
        """Let a session that was closed go on."""
        return await self._with_status(session, "open", deed="open")

    async def remove(self, session: str) -> SessionView:
        """Forget a session with all that was said in it, and its memories; its runs stay. Returns it as it was.

        Raises:
            SessionBusy: if a run of it has not ended.
        """
        found = await found_session(self._pool, session)
        was = await self._view(found.id)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await _locked(connection, found.id)
                await delete_session(connection, found.id)
                await audited(connection, "remove", kind="session", subject=found.id, repo=row["repo"], data={"agent": row["agent"]})
        return was

    async def _with_status(self, session: str, status: str, *, deed: str) -> SessionView:
        found = await found_session(self._pool, session)
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                row = await _locked(connection, found.id)
                if row["status"] != status:
                    await set_status(connection, found.id, status)
                    await audited(connection, deed, kind="session", subject=found.id, repo=row["repo"], data={"agent": row["agent"]})
        return await self._view(found.id)

    async def _view(self, session_id: str) -> SessionView:
        row = await session_row(self._pool, session_id)
        if row is None:
            raise no_session(session_id)
        return SessionView.model_validate(row)

    def _message(self, row: Mapping[str, Any]) -> MessageView:
        return MessageView.model_validate(
            {
                "n": row["n"],
                "run": row["run_id"],
                "ask": row["ask"],
                "kind": row["kind"],
                "message": self._pool.clean(row["message"]),
                "tokens": row["tokens"],
                "created_at": row["created_at"],
            }
        )

    async def _repository(self, repo: str | None) -> str:
        """Where a repository really is: the name that was given may be that of a link; nowhere, for none."""
        location = "" if repo is None else (await inspect_repository(repo, None, self._installation.git_environment)).location
        current_caller().check(Deed.RUN, location)
        return location


async def _locked(connection: Connection, session_id: str) -> Row:
    row = await locked_session(connection, session_id)
    if row is None:
        raise no_session(session_id)
    if row["busy"] is not None:
        raise SessionBusy(f"session {session_id} has a run that has not ended: wait for {row['busy']}, or cancel it")
    return row


def _check_page(limit: int, *, known: bool, cursor: str | None) -> None:
    if not 1 <= limit <= _MOST:
        message = f"the limit must be from 1 to {_MOST}, not {limit}"
        raise InvalidInput(message)
    if not known:
        message = f"{cursor!r} is no cursor: give what `next` said, or none"
        raise InvalidInput(message)
