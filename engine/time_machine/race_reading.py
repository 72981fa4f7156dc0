"""Reading a race: its entries side by side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from db.connection import Pool
from db.epics import Row
from db.races import entry_rows, race_row
from engine.time_machine.race_views import Race, RaceEntry
from epics.errors import Conflict, InvalidInput
from epics.races import Score, explained, ranked


async def race_view(pool: Pool, epic_id: str) -> Race | None:
    """The race of an epic, or None where it has none."""
    row = await race_row(pool, epic_id)
    return None if row is None else _race(row, await entry_rows(pool, epic_id))


async def race_of(pool: Pool, epic_id: str) -> Race:
    """The race of an epic.

    Raises:
        Conflict: if it has none.
    """
    view = await race_view(pool, epic_id)
    if view is None:
        message = f"epic {epic_id} has no race: it was started without --attempts"
        raise Conflict(message)
    return view


def entry_in(race: Race, given: str) -> RaceEntry:
    """The entry that a person means by its number, its epic, or the beginning of that.

    Raises:
        InvalidInput: if there is none, or several.
    """
    found = [entry for entry in race.entries if given == str(entry.k) or (given.startswith("e-") and entry.fork.startswith(given))]
    exact = [entry for entry in found if entry.fork == given]
    if len(exact or found) == 1:
        return (exact or found)[0]
    there = ", ".join(f"{entry.k} ({entry.fork})" for entry in race.entries) or "none yet"
    message = f"{given!r} is {'more than one attempt' if found else 'no attempt'} of the race of epic {race.epic}; there are {there}"
    raise InvalidInput(message)


def _race(row: Row, entries: Sequence[Row]) -> Race:
    scores = {entry["k"]: Score.model_validate(entry["score"]) for entry in entries if entry["score"] is not None}
    ranks = {k: place for place, k in enumerate(ranked(scores.items()), start=1)}
    at_work = row["due"] or (row["state"] == "running" and any(entry["status"] == "queued" for entry in entries))
    same = ("state", "rule", "moment", "share_usd", "problem", "winner", "picked_moment", "picked_by", "picked_at", "why")
    return Race(
        epic=row["epic_id"],
        attempts=row["n"],
        attempts_cost_usd=sum((entry["counted_usd"] for entry in entries), Decimal(0)),
        at_work=at_work,
        entries=tuple(_entry(entry, scores.get(entry["k"]), ranks.get(entry["k"]), row["winner"]) for entry in entries),
        **{name: row[name] for name in same},
    )


def _entry(row: Row, score: Score | None, rank: int | None, winner: str | None) -> RaceEntry:
    return RaceEntry(
        k=row["k"],
        fork=row["fork_id"],
        status="running" if row["running"] else row["status"],
        cost_usd=row["counted_usd"],
        score=score,
        rank=rank,
        why=explained(score) if score else (),
        picked=row["fork_id"] == winner,
        **{name: row[name] for name in ("step", "branch", "head", "problem", "guidance")},
    )
