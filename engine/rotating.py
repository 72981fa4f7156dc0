"""Rotation: a new data key, and all that others sealed sealed anew with it; with a new master key, the old one opens nothing then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from db.connection import Pool
from db.epics import Row
from db.rotating import PLACES, Place, Renewed, begin_rotation, end_rotation, reseal, stale_page
from engine.keyring import StoredKeyring
from engine.master_key import MasterKeys
from engine.secret_views import RotationView
from epics.access_errors import SecretUnreadable
from epics.errors import InvalidInput
from safety.sealed_texts import VERSION, is_sealed
from safety.sealing import Keyring

_NAMED: Final = 20

Told = Callable[[str, int], None]
"""Told of each table how many of its texts are sealed anew by now."""


@dataclass(kw_only=True)
class _Tally:
    texts: int = 0
    unreadable: list[str] = field(default_factory=list)


async def rotate(pool: Pool, masters: MasterKeys, *, new: str | None, told: Told) -> RotationView:
    """Seal all that is sealed with a new data key; a rotation that was cut off is carried to its end instead.

    Everybody may read and write meanwhile. It may be killed at any instant and run again.

    Args:
        pool: connections to the database.
        masters: where the keys are that open what is there. A key that stands in the home is replaced there by the new one.
        new: a new master key; from the first instant on nothing in the database can be opened without it.
        told: for progress.

    Raises:
        SecretUnreadable: if a data key cannot be opened: nothing was changed then.
        InvalidInput: if nothing was ever sealed here.
    """
    both = masters.with_first(new) if new is not None else masters
    ring = Keyring(both.read())

    def renew(wrapped: Mapping[str, str]) -> Renewed:
        if not wrapped:
            raise InvalidInput("nothing was ever sealed in this database: there is nothing to rotate")
        ring.learn(wrapped, "")
        name, key = ring.new_data_key()
        master = ring.first.name if ring.first else ""
        # Each of them, so that what another process still seals with an old one can be opened.
        return Renewed(wrapped={each: ring.rewrap(each) for each in wrapped}, name=name, key=key, master=master)

    if new is not None:
        masters.keep_both(new)
    resumed = not await begin_rotation(pool, renew, resume=new is None)
    if new is not None:
        masters.keep_only(new)
    keyring = StoredKeyring(pool, both)
    await keyring.refresh()
    tally = _Tally()
    for place in PLACES:
        await _reseal_all(pool, keyring, place, tally, told)
    if not tally.unreadable:
        await end_rotation(pool)
    first = keyring.ring.first
    return RotationView(master=first.name if first else "", resumed=resumed, texts=tally.texts, unreadable=tuple(tally.unreadable[:_NAMED]))


async def _reseal_all(pool: Pool, keyring: StoredKeyring, place: Place, tally: _Tally, told: Told) -> None:
    mark, after, done = f"{VERSION}.{keyring.ring.current}.", dict(place.first), 0
    while rows := await stale_page(pool, place, after, mark):
        after = {name: rows[-1][name] for name in place.first}
        anew = [(row, _anew(keyring, place, row, mark, tally)) for row in rows]
        await reseal(pool, place, [(row, texts) for row, texts in anew if texts])
        done += sum(len(texts) for _, texts in anew)
        told(place.table, done)
    tally.texts += done


def _anew(keyring: StoredKeyring, place: Place, row: Row, mark: str, tally: _Tally) -> dict[str, str]:
    """The texts of a row that another data key sealed, sealed with the one of now."""
    texts = dict[str, str]()
    for column in place.columns:
        sealed = row[column]
        if not is_sealed(sealed) or sealed.startswith(mark):
            continue
        context = place.context(row, column)
        try:
            texts[column] = keyring.seal_bytes(keyring.open_bytes(sealed, context), context)
        except SecretUnreadable as error:
            where = f"{place.table}.{column} {' '.join(str(row[name]) for name in place.first)}"
            structlog.get_logger().warning("a sealed text cannot be opened, and stays as it is", where=where, why=str(error))
            tally.unreadable.append(where)
    return texts
