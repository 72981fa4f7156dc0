"""Whether a name fits a pattern with stars, in time that no pattern and no name can blow up."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SINGLE: Final = "*"
"""Stands for any text without a slash; two of them or more stand for any text."""

_STARS: Final = re.compile(r"\*{2,}|\*")


def fits(pattern: str, name: str, *, single_refuses: str = "/") -> bool:
    """Whether a name fits a pattern as a whole.

    Args:
        pattern: plain text with stars.
        name: what is held against it.
        single_refuses: the characters that a single star does not take.
    """
    literals, singles, doubles, end = _masks(pattern)
    stars = singles | doubles
    # Bit n is set while the first n parts of the pattern can have taken all of the name so far. A regular expression would go back and
    # forth between the stars, for hours where a name was written for it.
    here = 1 | (1 & stars) << 1
    for char in name:
        stays = here & (doubles if char in single_refuses else stars)
        here = (here & literals.get(char, 0)) << 1 | stays
        here |= (here & stars) << 1
        if not here:
            return False
    return bool(here & end)


@lru_cache(maxsize=1_024)
def _masks(pattern: str) -> tuple[dict[str, int], int, int, int]:
    """Where in the pattern each character stands, where single and double stars do, and the bit of its end."""
    literals: dict[str, int] = {}
    singles = doubles = 0
    place, at = 1, 0
    for star in [*_STARS.finditer(pattern), None]:
        for char in pattern[at : star.start() if star else len(pattern)]:
            literals[char] = literals.get(char, 0) | place
            place <<= 1
        if star is not None:
            singles |= place if star[0] == SINGLE else 0
            doubles |= place if star[0] != SINGLE else 0
            place <<= 1
            at = star.end()
    return literals, singles, doubles, place
