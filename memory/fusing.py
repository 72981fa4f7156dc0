"""Making one order of the orders in which several ways of searching found facts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from epics.knowledge import Fact, Found

_K: Final = 60
"""Of reciprocal rank fusion, as its paper has it (Cormack, Clarke and Büttcher, 2009): how little the very first places count more."""

KeyT = TypeVar("KeyT", bound=Hashable)


class Ranked(NamedTuple, Generic[KeyT]):
    """What one or more ways of searching found, and at which rank each."""

    key: KeyT
    score: float
    ways: dict[str, int]


def fused(ways: Mapping[str, Sequence[Fact]], *, limit: int) -> tuple[Found, ...]:
    """The facts that were found, those first that stand high in many ways of searching."""
    facts = {fact.id: fact for found in ways.values() for fact in found}
    order = ranked({way: [fact.id for fact in found] for way, found in ways.items()})
    # By their ids where they stand alike, so that two searches for the same never differ.
    best = sorted(order, key=lambda each: (-each.score, each.key))[:limit]
    return tuple(Found(fact=facts[each.key], score=each.score, ways=each.ways) for each in best)


def ranked(ways: Mapping[str, Sequence[KeyT]], *, first: Mapping[str, int] | None = None) -> list[Ranked[KeyT]]:
    """What was found, by whatever names it, those first that stand high in many ways; what stands alike stays as it was found.

    Args:
        ways: what each way of searching found, best first.
        first: the rank of the first that a way found, where that is not 1.
    """
    ranks: dict[KeyT, dict[str, int]] = {}
    for way, found in ways.items():
        for rank, key in enumerate(dict.fromkeys(found), (first or {}).get(way, 1)):
            ranks.setdefault(key, {})[way] = rank
    scored = [Ranked(key, sum(1 / (_K + rank) for rank in places.values()), places) for key, places in ranks.items()]
    return sorted(scored, key=lambda each: each.score, reverse=True)
