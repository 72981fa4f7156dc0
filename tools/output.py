"""Keeping what a tool says within what a model should be given."""

from __future__ import annotations

CAP = 30_000
"""Characters of one tool result."""


def capped(text: str, cap: int = CAP) -> str:
    """Return `text`, or its head and tail with a line that says how much is missing between them."""
    if len(text) <= cap:
        return text
    half = cap // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out} characters left out …]\n{text[-half:]}"


def sayable(text: str) -> str:
    """Return `text` without what neither JSON of a database nor that of a provider can carry: NULs, and halves of surrogate pairs."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()
