"""A server's answers that come in parts, put together."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cli.remote import RemoteService
from engine.views import MomentView, Page


class Pages:
    """A client of a server that gives two moments at a time, and remembers what it was asked."""

    def __init__(self, moments: int) -> None:
        self._moments = [_moment(n) for n in range(1, moments + 1)]
        self.asked: list[dict[str, Any]] = []

    async def get(self, kind: type[Any], path: str, **query: Any) -> Any:
        del kind, path
        self.asked.append(query)
        begin = int(query.get("cursor", 0))
        items = tuple(self._moments[begin : begin + 2])
        more = begin + 2 < len(self._moments)
        return Page[MomentView](items=items, next=str(items[-1].n) if more else None)


def _moment(n: int) -> MomentView:
    return MomentView(
        n=n,
        step="test",
        workflow=None,
        attempt=None,
        outcome="done",
        branch=None,
        commit="c",
        tree="t",
        checkpoint_id="k",
        cost_usd=Decimal(0),
        name=None,
        note="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_all_moments_of_a_long_epic_come_from_a_server_in_their_order():
    pages: Any = Pages(5)

    moments = await RemoteService(pages).moments("e-0123456789")

    assert [moment.n for moment in moments] == [1, 2, 3, 4, 5]
    assert [query.get("cursor") for query in pages.asked] == [None, "2", "4"]
