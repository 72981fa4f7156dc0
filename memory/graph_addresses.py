"""Addresses of graph databases."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from epics.errors import InvalidSettings

NEO4J: Final = frozenset({"neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"})
FALKOR: Final = frozenset({"falkor"})
KUZU: Final = "kuzu"

_EXAMPLES: Final = "neo4j://user:password@host, bolt://…, falkor://host:port or kuzu:///path"


def check_address(url: str) -> str:
    """Return the scheme of an address, which says what kind of database is there.

    Raises:
        InvalidSettings: if it is none that Graphiti knows; its password is not in the message.
    """
    try:
        parts = urlsplit(url)
        where = parts.path if parts.scheme == KUZU else parts.hostname
        # It is only looked at when it is asked for.
        _ = parts.port
    except ValueError as error:
        raise InvalidSettings(f"GENIE_GRAPHITI_URL is no address ({error}): give {_EXAMPLES}") from error
    if parts.scheme not in NEO4J | FALKOR | {KUZU} or not where:
        raise InvalidSettings(f"GENIE_GRAPHITI_URL begins with {parts.scheme or 'no scheme'!r} or names no place: give {_EXAMPLES}")
    return parts.scheme
