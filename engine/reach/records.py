"""What an agent's tools keep in Genie's own records: tasks, and what people are told."""

from __future__ import annotations

from typing import Literal

from db.agent_tasks import MOST_OPEN, add_task, end_task, list_tasks
from db.connection import Pool
from db.leases import Lease
from db.people_told import tell_people
from tools.context import Task
from tools.workspace import ToolProblem


class SharedTasks:
    """Implements `tools.context.KeepsTasks` for an epic or run, or for the conversation that it belongs to."""

    def __init__(self, pool: Pool, lease: Lease, session: str | None) -> None:
        """Bind to a list by who works on it."""
        self._pool = pool
        self._lease = lease
        self._session = session

    async def tasks(self) -> tuple[Task, ...]:
        """All of them, in the order in which they were added."""
        return tuple(Task(**row) for row in await list_tasks(self._pool, self._lease.thread_id, self._session))

    async def add(self, key: str, text: str) -> Task:
        """Add one, once by its key."""
        row = await add_task(self._pool, self._lease, self._session, key=key, text=text)
        if row is None:
            raise ToolProblem(f"the list is full (at most {MOST_OPEN} are open): complete or drop some first")
        return Task(**row)

    async def end(self, n: int, state: Literal["done", "dropped"], note: str) -> Task:
        """End one; ending it again changes its state and its note."""
        row = await end_task(self._pool, self._lease, self._session, n, state, note)
        if row is None:
            raise ToolProblem(f"there is no task {n}: list_tasks with all = true shows them")
        return Task(**row)


class Watchers:
    """Implements `tools.context.TellsPeople` by an event, which every face shows, threads in Slack too."""

    def __init__(self, pool: Pool, lease: Lease, attempt: int) -> None:
        """Bind to an attempt."""
        self._pool = pool
        self._lease = lease
        self._attempt = attempt

    async def tell(self, key: str, text: str) -> bool:
        """Show a note, once by its key."""
        return await tell_people(self._pool, self._lease, self._attempt, key=key, text=text)
