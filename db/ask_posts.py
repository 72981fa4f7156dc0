"""The messages in Slack that show requests: where they are to be, where they are, and what they said last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db.connection import Connection, Pool
from db.epics import fetch_all, fetch_one
from db.queries import QUERIES


@dataclass(frozen=True, kw_only=True)
class AskPost:
    """A message that this process has claimed for a while."""

    ask_id: str
    kind: str
    """parts or answer."""
    channel: str
    thread: str | None
    ts: str | None
    posted_hash: str | None
    intended_at: float | None
    """When it was tried first, in seconds since 1970."""
    parts_ts: str | None
    """Where the message with the parts is."""
    tries: int

    @property
    def key(self) -> str:
        """What it carries in its metadata."""
        return f"{self.ask_id}:{self.kind}"


class AskPosts:
    """The rows of messages."""

    def __init__(self, pool: Pool) -> None:
        """Bind to an open database."""
        self._pool = pool

    async def bind(self, connection: Connection, ask_id: str, channel: str, thread: str | None) -> None:
        """Say where the messages of a request are to be, in the transaction that keeps the request."""
        await connection.execute(QUERIES["bind_ask_posts"], {"ask": ask_id, "channel": channel, "thread": thread})

    async def claim(self, *, seconds: float, most: int) -> tuple[AskPost, ...]:
        """Messages that may be out of date: nobody else is given them for so many seconds."""
        return tuple(AskPost(**row) for row in await fetch_all(self._pool, "claim_ask_posts", {"seconds": seconds, "most": most}))

    async def intend(self, post: AskPost) -> None:
        """Keep that it is about to be posted."""
        await self._change("intend_ask_post", post)

    async def posted(self, post: AskPost, *, ts: str, said: str, is_final: bool, wait_s: float) -> None:
        """Keep where it is and what it says."""
        await self._change("ask_post_made", post, ts=ts, hash=said, final=is_final, wait_s=wait_s)

    async def put_off(self, post: AskPost, *, wait_s: float, failed: bool = False) -> None:
        """Look at it again later."""
        await self._change("put_off_ask_post", post, wait_s=wait_s, failed=failed)

    async def give_up(self, post: AskPost) -> None:
        """Leave it as it is."""
        await self._change("give_up_ask_post", post)

    async def ask_of(self, channel: str, ts: str) -> str | None:
        """The request whose thread it is, the newest if there are several, or None."""
        row = await fetch_one(self._pool, "ask_of_thread", {"channel": channel, "ts": ts})
        return None if row is None else str(row["ask_id"])

    async def _change(self, query: str, post: AskPost, **values: Any) -> None:
        await fetch_one(self._pool, query, {"ask": post.ask_id, "kind": post.kind, **values})
