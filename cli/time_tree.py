"""The tree of an epic's moments: which lines stand in front of each, so that one sees what came of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.views import MomentView

_ASCII: Final = str.maketrans("●○│├┤┼─╮╭", "*o|+++-..")


BEGINNING: Final = 0
"""Where an epic began: no moment, and drawn only where the epic went back to it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the tree: a moment behind its lanes, the beginning, or neither where a lane only branches off."""

    lanes: str
    moment: MomentView | None = None
    is_beginning: bool = False
    is_present: bool = True
    """Whether it leads to where the epic is."""


def tree(moments: Sequence[MomentView]) -> list[Row]:
    """The moments in rising order, each behind the lanes that are open beside it.

    A moment keeps its lane for as long as more comes of it: the last that came of it takes the lane over, and what came of it before
    branches off. So there are as many lanes as places that are gone back to later, and not one for each time.
    """
    parents = _parents(moments)
    by_number = {moment.n: moment for moment in moments}
    waiting = Counter(parent for parent in parents.values() if parent is not None)
    present = _lineage(moments[-1].n, parents) if moments else frozenset()
    lane_of: dict[int, int] = {}
    taken: list[bool] = []
    rows: list[Row] = []
    for n, parent in parents.items():
        lane = _free(taken) if parent is None else lane_of[parent]
        if parent is not None:
            waiting[parent] -= 1
            if waiting[parent]:
                lane = _free(taken)
                rows.append(Row(lanes=_branching(taken, lane_of[parent], lane)))
        taken[lane] = True
        lane_of[n] = lane
        lanes = _beside(taken, lane, "●" if n in present else "○")
        rows.append(Row(lanes=lanes, moment=by_number.get(n), is_beginning=n == BEGINNING, is_present=n in present))
        taken[lane] = waiting[n] > 0
    return rows


def in_ascii(lanes: str) -> str:
    """The lanes for a terminal that has no lines to draw with."""
    return lanes.translate(_ASCII)


def _parents(moments: Sequence[MomentView]) -> dict[int, int | None]:
    """What each came of, in rising order; where nothing says so, the one before."""
    parents: dict[int, int | None] = {}
    before: int | None = None
    if any(moment.parent == BEGINNING for moment in moments):
        parents[BEGINNING], before = None, BEGINNING
    for moment in moments:
        parents[moment.n] = moment.parent if moment.parent in parents else before
        before = moment.n
    return parents


def _lineage(n: int | None, parents: dict[int, int | None]) -> frozenset[int]:
    found: set[int] = set()
    while n is not None:
        found.add(n)
        n = parents[n]
    return frozenset(found)


def _free(taken: list[bool]) -> int:
    if False not in taken:
        taken.append(False)
    return taken.index(False)


def _beside(taken: Sequence[bool], lane: int, mark: str) -> str:
    return " ".join(mark if at == lane else "│" if is_taken else " " for at, is_taken in enumerate(taken)).rstrip()


def _branching(taken: Sequence[bool], parent: int, lane: int) -> str:
    """The line on which a lane leaves its parent's, to the right or, where one is free there, to the left."""
    first, last = min(parent, lane), max(parent, lane)
    drawn: list[str] = []
    for at, is_taken in enumerate(taken):
        if at == parent:
            sign = "├" if parent == first else "┤"
        elif at == lane:
            sign = "╭" if lane == first else "╮"
        elif first < at < last:
            sign = "┼" if is_taken else "─"
        else:
            sign = "│" if is_taken else " "
        drawn.append(sign + ("─" if first <= at < last else " "))
    return "".join(drawn).rstrip()
