"""How an agent at work is told what a person says to it: the same words, whichever executor runs it."""

from __future__ import annotations

from collections.abc import Sequence

from executors.port import Said


def told(said: Said) -> str:
    """The message in which an agent reads what a person says, verbatim; the number tells two that are alike apart."""
    return f"A person who watches says ({said.n}):\n\n{said.text}"


def numbers(sayings: Sequence[Said]) -> tuple[int, ...]:
    """What `Turn.heard` has of them."""
    return tuple(said.n for said in sayings)
