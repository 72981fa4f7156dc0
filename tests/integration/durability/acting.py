"""Executors that are watched, or that die at a chosen place, and engines that run on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.engine import Engine
from executors.port import Ask, Executor, Journal, Order, Outcome, Paid, Reservation, Said, Turn


class Killed(Exception):
    """What a node meets where its process would have been killed; no part of Genie foresees it."""


def on_executor(engine: Engine, executor: Executor) -> Engine:
    """The same engine, with another executor in the place of the scripted one."""
    return Engine(replace(engine._installation, executors={"scripted": executor}))


def scripted(engine: Engine) -> Executor:
    """The scripted executor of an engine."""
    return engine._installation.executors["scripted"]


class Watched:
    """An executor that notes the workflow of each run."""

    name = "scripted"

    def __init__(self, inner: Executor) -> None:
        self.runs: list[str] = []
        self._inner = inner

    def check_models(self, models: tuple[str, ...]) -> None:
        self._inner.check_models(models)

    async def run(self, order: Order, journal: Journal) -> Outcome:
        self.runs.append(order.workflow.name)
        return await self._inner.run(order, journal)


class Failing(Watched):
    """An executor whose first runs raise what no part of Genie foresees."""

    def __init__(self, inner: Executor, *errors: Exception) -> None:
        super().__init__(inner)
        self._errors = list(errors)

    async def run(self, order: Order, journal: Journal) -> Outcome:
        outcome = await super().run(order, journal)
        if self._errors:
            raise self._errors.pop(0)
        return outcome


@dataclass(frozen=True)
class Death:
    """A place at which an attempt dies, once."""

    operation: str
    turn: int
    after: bool = True


class Mortal(Watched):
    """An executor of which the attempts of one workflow die at the given places, each time with the work tree left in disorder."""

    def __init__(self, inner: Executor, workflow: str, deaths: list[Death]) -> None:
        super().__init__(inner)
        self.deaths = deaths
        self._workflow = workflow

    async def run(self, order: Order, journal: Journal) -> Outcome:
        dying = order.workflow.name == self._workflow
        return await super().run(order, _MortalJournal(journal, order.tree, self.deaths) if dying else journal)


class _MortalJournal:
    def __init__(self, inner: Journal, tree: Path, deaths: list[Death]) -> None:
        self._inner = inner
        self._tree = tree
        self._deaths = deaths

    async def turns(self) -> tuple[Turn, ...]:
        return await self._inner.turns()

    async def reserve(self, ask: Ask) -> Reservation:
        given = await self._inner.reserve(ask)
        self._at(Death("reserve", len(await self._inner.turns()) + 1))
        return given

    async def release(self, reservation: Reservation, *, reason: str) -> None:
        await self._inner.release(reservation, reason=reason)

    async def answered(self, turn: Turn, paid: Paid) -> None:
        await self._inner.answered(turn, paid)
        self._at(Death("answered", turn.n))

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:
        self._at(Death("completed", n, after=False))
        await self._inner.completed(n, results=results, changed=changed)
        self._at(Death("completed", n))

    async def said(self) -> tuple[Said, ...]:
        return await self._inner.said()

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        await self._inner.noted(kind, data)

    def _at(self, place: Death) -> None:
        if place not in self._deaths:
            return
        self._deaths.remove(place)
        for name in ("greeting.txt", "rubbish.txt"):
            (self._tree / name).write_text("half of a wr")
        raise Killed(str(place))
