"""What an epic brought to the base branch: the work, the decision behind it, and what was taken back again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.learning.past import Past, Row
from engine.learning.told import Told
from engine.learning.wording import joined, listed, short
from epics.knowledge import Group
from epics.steps import Step

_ON_FILES: Final = frozenset({Step.IMPLEMENT, Step.FIX, Step.REFACTOR})


def merges(past: Past) -> Iterator[Told]:
    """What was merged, with its decision record, or taken back."""
    for moment in past.merges:
        if revert := past.revert_of(moment):
            yield _taken_back(past, moment, revert)
            continue
        attempts = past.led_to(moment)
        yield _merged(past, moment, attempts)
        designs = [row for row in attempts if row["step"] == Step.ARCHITECT and row["result"]["output"]]
        if designs:
            yield _decided(past, moment, designs[-1])


def _merged(past: Past, moment: Row, attempts: tuple[Row, ...]) -> Told:
    files = dict.fromkeys(path for row in attempts for path in row["result"]["files"])
    said = dict.fromkeys(str((row["result"]["output"] or {}).get("summary", "")).strip() for row in attempts if row["step"] in _ON_FILES)
    made = sum(row["ended_at"] <= moment["created_at"] for row in past.own_attempts)
    took = f"Files: {listed(files)}. It took {made} attempts and {moment['cost_usd']:f} USD."
    return Told(
        group=Group.PATTERNS,
        what=f"m{moment['n']}",
        at=moment["created_at"],
        title=f"Done: {short(past.epic['goal'], 150)}",
        text=joined(f"Merged: {short(past.epic['goal'])}", *said, took),
        moment=moment["n"],
    )


def _decided(past: Past, moment: Row, design: Row) -> Told:
    draft: Mapping[str, Any] = design["result"]["output"]
    options = listed(f"{option['name']} ({option['weight']} of 10)" for option in draft["options"])
    return Told(
        group=Group.DECISIONS,
        what=design["n"],
        at=moment["created_at"],
        title=draft["title"],
        text=joined(
            f"Decided: {draft['title']}. {draft['decision']}",
            f"Why: {draft['context']}",
            f"It follows: {draft['consequences']}",
            past.about,
        ),
        more=joined(f"Weighed: {options}", f"Design: {draft['summary']}"),
        attempt=design["n"],
        moment=moment["n"],
    )


def _taken_back(past: Past, moment: Row, revert: Row) -> Told:
    return Told(
        group=Group.LEARNING,
        what=f"m{moment['n']}",
        at=moment["created_at"],
        title=f"Taken back: {short(past.epic['goal'], 150)}",
        text=joined(f"{revert['gone_back_by']} had what was merged taken back: {short(past.epic['goal'])}", revert["guidance"]),
        moment=moment["n"],
        by=revert["gone_back_by"],
    )
