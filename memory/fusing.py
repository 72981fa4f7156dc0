"""Making one order of the orders in which several ways of searching found facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

EACH_WAY: Final = 30
"""Facts that each way finds, and more where more are asked for."""
_K: Final = 60
"""Of reciprocal rank fusion, as its paper has it (Cormack, Clarke and Büttcher, 2009): how little the very first places count more."""

_SEEDS: Final = 5
"""The best of words and vectors, from which neighbours are looked for."""

KeyT = TypeVar("KeyT", bound=Hashable)


class Ranked(NamedTuple, Generic[KeyT]):
    """What one or more ways of searching found, and at which rank each."""

    key: KeyT
    score: float
    ways: dict[str, int]


async def with_neighbours(
    ways: Mapping[str, Sequence[KeyT]],
    *,
    around: Awaitable[Sequence[KeyT]] | None,
    beside: Callable[[Sequence[KeyT]], Awaitable[Sequence[KeyT]]],
) -> list[Ranked[KeyT]]:
    """What was found in some ways, and what is near in the graph, best first.

    Args:
        ways: what each way of searching found, best first.
        around: what is near to what was asked for; None if nothing was, and then what is beside the best is looked for.
        beside: gives what is beside some of what was found.
    """
    if around is not None:
        return ranked({**ways, "neighbours": await around})
    seeds = [each.key for each in ranked(ways)[:_SEEDS]]
    near = await beside(seeds) if seeds else ()
    # What is only beside a hit comes after the hits.
    return ranked({**ways, "neighbours": [key for key in near if key not in seeds]}, first={"neighbours": len(seeds) + 1})


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
