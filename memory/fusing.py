"""Making one order of the orders in which several ways of searching found facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from epics.knowledge import Fact, Found

_K: Final = 60
"""Of reciprocal rank fusion, as its paper has it (Cormack, Clarke and Büttcher, 2009): how little the very first places count more."""


def fused(ways: Mapping[str, Sequence[Fact]], *, limit: int) -> tuple[Found, ...]:
    """The facts that were found, those first that stand high in many ways of searching."""
    ranks: dict[str, dict[str, int]] = {}
    facts: dict[str, Fact] = {}
    for way, found in ways.items():
        for rank, fact in enumerate(found, 1):
            facts[fact.id] = fact
            ranks.setdefault(fact.id, {}).setdefault(way, rank)
    scored = (Found(fact=facts[id_], score=sum(1 / (_K + rank) for rank in places.values()), ways=places) for id_, places in ranks.items())
    return tuple(sorted(scored, key=lambda found: (-found.score, found.fact.id))[:limit])
