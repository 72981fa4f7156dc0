"""A run joins a session: the one that it names, or a new one, in the transaction that makes the run."""

from __future__ import annotations

import re
from typing import Final

from db.connection import Connection
from db.sessions import SeenAgent, insert_session, join_session, locked_session, see_agent, session_named
from engine.sessions.finding import LIKE_AN_ID, no_session, session_meant
from epics.agent_errors import SessionBusy
from epics.callers import Caller, current_caller
from epics.errors import Conflict, InvalidInput
from epics.ids import new_id

KIND: Final = "s"
"""The letter with which the id of a session begins."""

_NAME: Final = re.compile(r"[^\W_][\w .:@/+-]{0,79}")


def checked_name(name: str) -> str:
    """A name as a session can have it.

    Raises:
        InvalidInput: if it cannot be one, or could be taken for an id.
    """
    if not _NAME.fullmatch(name) or LIKE_AN_ID.fullmatch(name) or name != name.strip():
        raise InvalidInput(
            f"{name[:80]!r} cannot be the name of a session: up to 80 letters, digits, spaces and . : @ / + - _, and not like s-0123456789"
        )
    return name


async def join(connection: Connection, run_id: str, agent: SeenAgent, *, session: str | None, repo: str) -> str:
    """Make a run part of a session, and return the session's id.

    Args:
        connection: in the transaction that makes the run's row.
        run_id: the run.
        agent: whose run it is.
        session: an id or the beginning of one, or a name: the session of that name goes on, or begins. None for a new one.
        repo: the repository of the run as `epics.repo` has it; empty for none.

    Raises:
        SessionNotFound: if there is none of that id for the caller.
        SessionBusy: if a run of it has not ended.
        Conflict: if it is closed.
        InvalidInput: if it is another agent's, or about another repository, or the name cannot be one.
    """
    await see_agent(connection, agent)
    found = await _meant(connection, agent.name, session, repo)
    row = await locked_session(connection, found)
    if row is None:
        raise no_session(session or found)
    if row["agent"] != agent.name:
        raise InvalidInput(f"session {found} is a conversation with {row['agent']}, not with {agent.name}")
    if row["repo"] != repo:
        raise InvalidInput(f"session {found} is about {row['repo'] or 'no repository'}, not about {repo or 'none'}: begin another one")
    if row["status"] == "closed":
        raise Conflict(f"session {found} is closed: begin another one")
    if row["busy"] is not None:
        raise SessionBusy(f"session {found} has a run that has not ended: wait for {row['busy']}, or cancel it")
    await join_session(connection, found, run_id)
    return found


async def new_session(connection: Connection, agent: str, *, name: str | None, repo: str, person: str) -> str | None:
    """Begin a session and return its id; None if the name is taken."""
    values = {"agent": agent, "name": name, "repo": repo, "person": person}
    while not await insert_session(connection, {**values, "id": (made := new_id(KIND))}):
        if name is not None and await session_named(connection, agent=agent, repo=repo, name=name, person=person):
            return None
    return made


async def _meant(connection: Connection, agent: str, given: str | None, repo: str) -> str:
    caller = current_caller()
    if given is not None and LIKE_AN_ID.fullmatch(given):
        return (await session_meant(connection, given)).id
    if given is None:
        return await new_session(connection, agent, name=None, repo=repo, person=caller.person) or ""
    name = checked_name(given)
    return await _named(connection, agent, name, repo, caller) or await _begun(connection, agent, name, repo, caller)


async def _named(connection: Connection, agent: str, name: str, repo: str, caller: Caller) -> str | None:
    return await session_named(connection, agent=agent, repo=repo, name=name, person=caller.person)


async def _begun(connection: Connection, agent: str, name: str, repo: str, caller: Caller) -> str:
    made = await new_session(connection, agent, name=name, repo=repo, person=caller.person)
    # Another one was begun under the name at this very moment.
    found = made or await _named(connection, agent, name, repo, caller)
    if found is None:
        raise no_session(name)
    return found
