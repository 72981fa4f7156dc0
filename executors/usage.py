"""Adding up what calls used."""

from __future__ import annotations

from collections.abc import Sequence

from executors.port import Usage


def total(usages: Sequence[Usage]) -> Usage:
    """Add up the tokens of calls."""
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cache_read_tokens=sum(usage.cache_read_tokens for usage in usages),
        cache_write_tokens=sum(usage.cache_write_tokens for usage in usages),
    )
