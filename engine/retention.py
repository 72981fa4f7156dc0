"""Retention: finished epics are pruned by age and by number, by hand or on a schedule."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from pydantic import Field

from config.settings import Settings
from db.connection import Pool
from db.packs import collect_packs
from db.retention import Due, Freed, close_pass, due_epics, last_pass, only_pruner, open_pass, prune_epic, what_is_kept
from engine.waiting import any_set
from epics.errors import GenieError
from epics.records import Record

EVERY_S: Final = 3_600.0
KINDS: Final = {"checkpoints": "checkpoints", "journal": "journal", "packs": "journal", "events": "events"}
"""What is pruned, each with the policy that it follows: a pack that only turns name goes with them."""
_LOOK_S: Final = 600.0
_SHOWN: Final = 50


class RetentionPolicy(Record):
    """For how long what is kept of finished epics; each kind has its own number of days."""

    checkpoints_days: int
    journal_days: int
    events_days: int
    keep: int = Field(description="So many of the newest finished epics keep their history, as far as their age lets them.")


class Pruned(Record):
    """What went, or would go, by one policy."""

    kind: str
    days: int
    rows: int
    bytes: int


class Kept(Record):
    """What was left alone, and why."""

    unfinished: dict[str, int] = Field(description="Epics that have not ended, by status: they are never pruned.")
    within_policy: int = Field(description="Finished epics of which nothing was due.")
    at_work: int = Field(description="Finished epics that somebody worked on at that moment.")
    named_moments: int = Field(description="Moments with a name in finished epics: their checkpoints stay.")


class PruneReport(Record):
    """What pruning did, or would do."""

    applied: bool
    policies: tuple[Pruned, ...]
    epics: int
    surplus: int = Field(description="How many of them are due for their number, not for their age.")
    first: tuple[str, ...] = Field(description="The first of these epics, oldest first.")
    rows: int
    bytes: int
    kept: Kept
    pruned_before: int = Field(description="Epics of which something had been pruned already.")
    last_pass_at: datetime | None = Field(description="When a worker last did this by itself.")


@dataclass
class _Seen:
    """What a pass has done so far."""

    rows: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)
    epics: int = 0
    surplus: int = 0
    at_work: int = 0

    def add(self, due: Due, freed: tuple[Freed, ...] | None) -> None:
        if freed is None:
            self.at_work += 1
            return
        for part in freed:
            self.rows[part.kind] += part.rows
            self.bytes[part.kind] += part.bytes
        if any(part.rows for part in freed):
            self.epics += 1
            self.surplus += due.surplus
            if len(self.first) < _SHOWN:
                self.first.append(due.id)


def policy_of(settings: Settings) -> RetentionPolicy:
    """The policy that is set for this installation."""
    return RetentionPolicy(
        checkpoints_days=settings.keep_checkpoints_days,
        journal_days=settings.keep_journal_days,
        events_days=settings.keep_events_days,
        keep=settings.keep_epics,
    )


async def prune(pool: Pool, policy: RetentionPolicy, *, apply: bool, stop: asyncio.Event | None = None) -> PruneReport:
    """Prune what is due, each epic in a short transaction of its own; without `apply` only measure it.

    Any number of processes may do so at once, and beside workers: an epic that somebody works on is left for the next time.

    Args:
        pool: connections to the database.
        policy: what is due.
        apply: whether to delete.
        stop: ends the work early, between two epics.

    Raises:
        StoreUnavailable: if the database does not answer; what was pruned until then stays so.
    """
    seen = _Seen()
    before, told = await what_is_kept(pool), await last_pass(pool)
    async with aclosing(due_epics(pool, policy.model_dump())) as found:
        async for due in found:
            if stop is not None and stop.is_set():
                break
            seen.add(due, await prune_epic(pool, due, apply=apply))
    if apply:
        removed = await collect_packs(pool)
        seen.rows["packs"], seen.bytes["packs"] = removed.packs, removed.bytes
    limits = policy.model_dump()
    return PruneReport(
        applied=apply,
        policies=tuple(
            Pruned(kind=kind, days=limits[f"{follows}_days"], rows=seen.rows[kind], bytes=seen.bytes[kind])
            for kind, follows in KINDS.items()
        ),
        epics=seen.epics,
        surplus=seen.surplus,
        first=tuple(seen.first),
        rows=seen.rows.total(),
        bytes=seen.bytes.total(),
        kept=Kept(
            unfinished=before["unfinished"],
            within_policy=before["finished"] - seen.epics - seen.at_work,
            at_work=seen.at_work,
            named_moments=before["named_moments"],
        ),
        pruned_before=before["pruned"],
        last_pass_at=told["started_at"] if told else None,
    )


async def run_retention(pool: Pool, policy: RetentionPolicy, stop: asyncio.Event, *, every_s: float = EVERY_S) -> None:
    """Prune once in `every_s` seconds until `stop` is set; among all workers of a database only one does.

    A database that does not answer is no reason to end: the next look finds what was left.
    """
    while not stop.is_set():
        try:
            await _pass(pool, policy, stop, every_s)
        except GenieError as error:
            structlog.get_logger().warning("finished epics could not be pruned", error=str(error))
        await any_set(stop, within=min(_LOOK_S, every_s))


async def _pass(pool: Pool, policy: RetentionPolicy, stop: asyncio.Event, every_s: float) -> None:
    async with only_pruner(pool) as alone:
        number = await open_pass(pool, every_s=every_s) if alone else None
        if number is None:
            return
        report = await prune(pool, policy, apply=True, stop=stop)
        await close_pass(pool, number, epics=report.epics, rows=report.rows, size=report.bytes)
    if report.epics:
        log = structlog.get_logger()
        log.info("pruned finished epics", epics=report.epics, rows=report.rows, bytes=report.bytes)
