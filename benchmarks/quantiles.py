"""What is told of many measurements."""

from __future__ import annotations

import math


def p95(values: list[float]) -> float:
    """The value that 95 of 100 do not pass, one of those that were measured."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
