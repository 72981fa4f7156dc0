"""Executors whose agents change what is not theirs, once in each workflow, as one does that holds itself bound by nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from executors.port import Executor, Journal, Order, Outcome

Deed = Callable[[Path], None]


class Trespassing:
    """An executor that does a deed to the work tree in the first run of each workflow, and then runs the agent as ever."""

    def __init__(self, inner: Executor, deeds: Mapping[str, Deed]) -> None:
        self._inner = inner
        self._deeds = dict(deeds)

    @property
    def name(self) -> str:
        return self._inner.name

    def check_models(self, models: tuple[str, ...]) -> None:
        self._inner.check_models(models)

    async def run(self, order: Order, journal: Journal) -> Outcome:
        if deed := self._deeds.pop(order.workflow.name, None):
            deed(order.tree)
        return await self._inner.run(order, journal)


def writing(path: str) -> Deed:
    """The deed of writing one file."""

    def write(tree: Path) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("not mine\n")

    return write
