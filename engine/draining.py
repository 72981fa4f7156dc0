"""Leaving an epic before its end, so that another process goes on with it."""

from __future__ import annotations


class HandedOver(Exception):  # no error: the epic goes on elsewhere
    """This process is to end, and begins no step any more; the epic can be gone on with from its newest checkpoint."""


class Rests(Exception):  # no error either
    """The epic does not begin this step by itself: its race does, or it is an entry of one and waits to be compared."""
