"""Epics that come back to a worker again and again without getting anywhere: they are left alone for growing times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SOON_S: Final = 2.0
"""An epic that comes back within this time did not get far."""
_OFTEN: Final = 3
_LONGEST_S: Final = 60.0


@dataclass(kw_only=True)
class _Rest:
    """How an epic came back last, how often in a row at once, and until when it is left alone."""

    moment: int | None
    ended_at: float
    times: int = 0
    until: float = 0.0


class Rests:
    """Which epics one worker leaves alone for now, so that none of them keeps a core busy; other workers may take them."""

    def __init__(self) -> None:
        self._rests: dict[str, _Rest] = {}

    def ended(self, epic_id: str, moment: int | None, now: float) -> None:
        """Note that an epic came back.

        Args:
            epic_id: the epic.
            moment: where it is now; an epic that has a new one got somewhere, however quickly.
            now: seconds on a clock that only goes forward.
        """
        rest = self._rests.setdefault(epic_id, _Rest(moment=moment, ended_at=float("-inf")))
        slept = max(0.0, rest.until - rest.ended_at)
        rest.times = rest.times + 1 if rest.moment == moment and now - rest.ended_at < _SOON_S + slept else 0
        rest.moment, rest.ended_at = moment, now
        rest.until = now + min(2.0**rest.times / 4, _LONGEST_S) if rest.times >= _OFTEN else now
        for known in [each for each, before in self._rests.items() if now - before.until > 2 * _LONGEST_S]:
            del self._rests[known]

    def resting(self, now: float) -> tuple[str, ...]:
        """The epics that are left alone now."""
        return tuple(epic for epic, rest in self._rests.items() if rest.until > now)
