"""What people said in an epic: why they decided as they did, and what they asked of its agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.learning.past import Past
from engine.learning.told import Told
from engine.learning.wording import joined
from epics.knowledge import Group

_ORDERS: Final = frozenset({"changes", "retry", "rollback"})
"""Decisions whose words are meant for agents; those of the others say why it was decided so."""


def decisions(past: Past) -> Iterator[Told]:
    """What people gave as their reasons at gates, and what they wanted otherwise."""
    for row in past.decisions:
        if not past.is_own(None, row["moment"]):
            continue
        gate = row["gate"].replace("_", " ")
        yield Told(
            group=Group.CONTEXT if row["decision"] in _ORDERS else Group.DECISIONS,
            what=row["id"],
            at=row["decided_at"],
            title=f"{row['decision']} at the {gate}",
            text=joined(f"At the {gate}, {row['decided_by']} chose {row['decision']}: {row['comment']}", past.about),
            moment=row["moment"],
            by=row["decided_by"],
        )


def sayings(past: Past) -> Iterator[Told]:
    """What people said to agents at work."""
    for row in past.sayings:
        # What nobody was told yet when it was exported was said to the epic of there.
        if not past.is_own(row["attempt"]) or (row["attempt"] is None and past.epic["imported"]):
            continue
        yield Told(
            group=Group.CONTEXT,
            what=f"s{row['n']}",
            at=row["said_at"],
            title="What a person said to an agent",
            text=joined(f"{row['said_by']} said to the agent at work: {row['text']}", past.about),
            by=row["said_by"],
        )


def guidance(past: Past) -> Iterator[Told]:
    """What people said when they went back; at a gate, it is the comment of their decision."""
    for row in past.moments:
        if row["outcome"] != "rolled_back" or not row["guidance"] or not past.is_own(None, row["n"]):
            continue
        yield Told(
            group=Group.CONTEXT,
            what=f"m{row['n']}",
            at=row["created_at"],
            title="Guidance for another way",
            text=joined(f"{row['gone_back_by']} went back and said: {row['guidance']}", past.about),
            moment=row["n"],
            by=row["gone_back_by"],
        )
