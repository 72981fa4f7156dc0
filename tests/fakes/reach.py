"""What tools reach, in memory: tasks and people who are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tools.context import Task
from tools.workspace import ToolProblem


class TasksInMemory:
    """Keeps tasks, each once by its key."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    async def tasks(self) -> tuple[Task, ...]:
        """All of them."""
        return tuple(self._tasks.values())

    async def add(self, key: str, text: str) -> Task:
        """Add one, once by its key."""
        return self._tasks.setdefault(key, Task(n=len(self._tasks) + 1, text=text, state="open"))

    async def end(self, n: int, state: Literal["done", "dropped"], note: str) -> Task:
        """End one."""
        for key, task in self._tasks.items():
            if task.n == n:
                self._tasks[key] = replace(task, state=state, note=note)
                return self._tasks[key]
        message = f"there is no task {n}"
        raise ToolProblem(message)


class PeopleInMemory:
    """Is told things, each once by its key."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    async def tell(self, key: str, text: str) -> bool:
        """Hear something."""
        is_new = key not in self.told
        self.told.setdefault(key, text)
        return is_new
