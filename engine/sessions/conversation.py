"""A run's part in a conversation: its prompt, what was said before, and what it adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.prompts import Template
from db.connection import Connection, Pool
from db.epics import Row
from db.fence import add_events
from db.leases import Lease
from db.memories import memories_for
from db.messages import NewMessage, Told, keep_messages, newest_messages
from db.prompts import active_prompt, prompt_of_agent
from db.sessions import Filled, SeenAgent, keep_filled, note_agent, part_of
from engine.sessions.finding import no_session
from engine.sessions.window import tokens_in, window

HISTORY_TOKENS: Final = 32_000
"""What of a conversation is told again, unless the installation says otherwise."""

_LEAST: Final = 100
"""Messages that are read for the summary, though they do not fit."""
_MOST: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class OwnPrompt:
    """The prompt that stands in an agent's code, with its values for variables that no memory gives."""

    text: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FilledPrompt:
    """What the model is told before anything else, and where that comes from."""

    text: str
    version: int
    status_key: str = "default"
    memories: tuple[Mapping[str, str], ...] = ()
    """The memories that stand in it: name and scope of each."""


class Conversation:
    """The session of one run that is held under a lease."""

    def __init__(self, pool: Pool, lease: Lease, part: Row, *, tokens: int) -> None:
        """Bind to a run's part of a session; `open` finds it."""
        self._pool = pool
        self._lease = lease
        self._part = part
        self._tokens = tokens

    @classmethod
    async def open(cls, pool: Pool, lease: Lease, agent: SeenAgent, *, tokens: int = HISTORY_TOKENS) -> Conversation:
        """Find the conversation that the run of this lease joined when it was started (`engine.sessions.joining.join`).

        Args:
            pool: connections to the database.
            lease: of the run.
            agent: the agent as its code says that it is now.
            tokens: what of the history is told again.

        Raises:
            SessionNotFound: if the session was removed, or the run joined none.
        """
        await note_agent(pool, agent)
        part = await part_of(pool, lease.thread_id)
        if part is None:
            raise no_session(f"of {lease.thread_id}")
        return cls(pool, lease, part, tokens=tokens)

    @property
    def session(self) -> str:
        """The id of the session."""
        return str(self._part["session_id"])

    async def filled_prompt(self, own: OwnPrompt, given: Mapping[str, Any], *, status_key: str = "default") -> FilledPrompt:
        """The agent's active prompt, filled in; once for each run, with the event `prompt_filled`: afterwards it is what it was.

        Args:
            own: what stands in the agent's code.
            given: what was given with the run; it goes before all memories.
            status_key: which of the agent's prompts; the default one where it has no such.

        Raises:
            MissingVariable: naming a variable that nothing gives.
            InvalidInput: if a value is used for what it is not.
        """
        part = self._part
        if part["prompt"] is None:
            filled = await self._fill(own, given, status_key)
            data = {"version": filled.version, "status_key": filled.status_key, "memories": list(filled.used), "session": self.session}
            kept = await keep_filled(self._pool, self._lease, filled, [{"type": "prompt_filled", "data": data}])
            self._part = {**part, **(kept or await part_of(self._pool, self._lease.thread_id) or {})}
        part = self._part
        return FilledPrompt(text=part["prompt"], version=part["version"], status_key=part["status_key"], memories=tuple(part["used"]))

    async def history(self, *, ask: int) -> list[Any]:
        """What was said before an ask of this run, as JSON of the provider's messages, oldest first, within the rule of `window`."""
        told = Told(tokens=self._tokens, least=_LEAST, most=_MOST)
        rows = await newest_messages(self._pool, self.session, self._lease.thread_id, ask, told)
        return window([row["message"] for row in rows], self._tokens, untold=rows[0]["n"] - 1 if rows else 0)

    async def keep(self, connection: Connection, messages: Sequence[Any], *, ask: int) -> int:
        """Add the messages of an ask to the session, once, with the event `messages_kept`; return how many were added.

        Args:
            connection: in the fenced transaction that ends the ask.
            messages: those of this ask alone, as JSON of the provider's messages, in their order.
            ask: which of the run's.
        """
        new = [NewMessage(kind=message["kind"], message=message, tokens=tokens_in(message)) for message in messages]
        run = self._lease.thread_id
        added = await keep_messages(connection, self._pool, self.session, run, ask, new)
        if added:
            data = {"session": self.session, "ask": ask, "messages": added}
            await add_events(connection, run, [{"type": "messages_kept", "data": data}])
        return added

    async def _fill(self, own: OwnPrompt, given: Mapping[str, Any], status_key: str) -> Filled:
        row = await self._active(own, status_key)
        template = Template(
            agent=row["agent"], status_key=row["status_key"], version=row["version"], text=row["text"], variables=row["variables"]
        )
        names = template.names - given.keys()
        memories = await self._memories(names) if names else []
        values = {memory["name"]: memory["value"] for memory in memories}
        used = tuple({"name": memory["name"], "scope": memory["scope"]} for memory in memories)
        text = template.filled({**values, **given})
        return Filled(text=text, status_key=template.status_key, version=template.version, used=used)

    async def _memories(self, names: frozenset[str]) -> list[Row]:
        part = self._part
        return await memories_for(self._pool, names, repo=part["repo"], agent=part["agent"], session=self.session)

    async def _active(self, own: OwnPrompt, status_key: str) -> Row:
        if status_key != "default" and (row := await active_prompt(self._pool, self._part["agent"], status_key)) is not None:
            return row
        return await prompt_of_agent(self._pool, self._part["agent"], own.text, own.variables)
