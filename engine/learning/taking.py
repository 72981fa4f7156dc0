"""Taking the marks of epics with news: what they taught goes into the queue of episodes, and nothing is lost or doubled at any kill.

A mark is claimed for a while, the past of its epic derived, its episodes queued and the mark taken away in one transaction. Whoever dies
before that leaves the mark; whoever does it twice queues the same keys, which are known.
"""

from __future__ import annotations

from typing import Final

import structlog

from db.connection import Pool
from db.learning import Mark, claim_marks, settle_mark
from engine.learning.deriving import episodes_of
from epics.errors import GenieError, StoreUnavailable

_MOST: Final = 20


async def take_marks(pool: Pool, *, most: int = _MOST) -> int:
    """Queue what epics and runs taught since they were looked at last; say how many marks there were.

    One whose past cannot be told is looked at again later, less and less often, and stops no other.

    Raises:
        StoreUnavailable: if the database does not answer; the marks stay.
    """
    marks = await claim_marks(pool, most=most)
    for mark in marks:
        await _take(pool, mark)
    return len(marks)


async def _take(pool: Pool, mark: Mark) -> None:
    try:
        await settle_mark(pool, mark, await episodes_of(pool, mark.epic))
    except StoreUnavailable:
        raise
    except (GenieError, ValueError, LookupError, TypeError) as error:
        # Rows of a form that nobody foresaw: other epics have something to tell too.
        structlog.get_logger().warning("what an epic taught could not be told", epic=mark.epic, problem=repr(error)[:300])
