"""Names of moments: written under the epic's row lock, so that retention either sees a name or has pruned before it."""

from __future__ import annotations

from db.audit import audited
from db.connection import Pool
from db.epics import fetch_one
from db.failures import foreseen
from db.fence import add_events
from db.queries import QUERIES
from epics.errors import Conflict, HistoryPruned, MomentNotFound


async def name_moment(pool: Pool, epic_id: str, n: int, name: str | None, *, by: str) -> None:
    """Give a moment a name in place of any that it has, or take it away; nothing is written where that changes nothing.

    Args:
        pool: connections to the database.
        epic_id: the epic.
        n: the number of the moment.
        name: the name; None for none.
        by: who says so.

    Raises:
        MomentNotFound: if the epic has no moment with that number.
        Conflict: if another moment of the epic has the name.
        HistoryPruned: if nothing is left of the moment that a name could keep.
    """
    asked = {"epic": epic_id, "n": n, "name": name}
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_epic"], asked)
            row = await (await connection.execute(QUERIES["moment_to_name"], asked)).fetchone()
            if row is None:
                raise MomentNotFound(f"epic {epic_id} has no moment {n}: see `genie time history {epic_id}`")
            if row["name"] == name:
                return
            if row["taken_by"] is not None:
                raise Conflict(
                    f"moment {row['taken_by']} of epic {epic_id} has the name {name!r} already: "
                    f"take it away with `genie time mark {epic_id} {row['taken_by']} --remove`, or choose another"
                )
            if name is not None and not row["is_kept"]:
                raise HistoryPruned(f"the state of moment {n} of epic {epic_id} was pruned, so a name cannot keep it any more")
            await connection.execute(QUERIES["name_moment"], asked)
            data = {"moment": n, "name": name, "before": row["name"], "by": by}
            await add_events(connection, epic_id, [{"type": "moment_named", "data": data}])
            told = {"moment": n, "name": name, "before": row["name"]}
            await audited(connection, "mark", kind="epic", subject=epic_id, epic=epic_id, data=told)
    pool.announcer.announce(epic_id)


async def moment_by_name(pool: Pool, epic_id: str, name: str) -> int | None:
    """The number of the moment that has a name, or None."""
    row = await fetch_one(pool, "moment_by_name", {"epic": epic_id, "name": name})
    return None if row is None else int(row["n"])
