"""Threads in Slack that are out of date, and the messages that they are made of: claimed, shown, put off."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.storable import jsonb


class ClaimLost(Exception):
    """Another process has the thread now; whoever sees this leaves it alone."""


@dataclass(frozen=True, kw_only=True)
class ClaimedThread:
    """A thread that this process has claimed for a while."""

    epic: str
    claim: uuid.UUID
    channel: str | None
    ts: str | None
    since: int
    wanted: int
    """The newest event that it was to show when it was claimed."""
    tries: int
    problem: str | None
    looked_at: datetime | None
    """When it was due that messages that are there twice are looked for; None if they are not."""
    is_doubtful: bool
    """Whether messages may be there of which no row knows: the database was restored."""
    created_at: float

    @property
    def own(self) -> dict[str, Any]:
        """What a row that only the claimant changes is found by."""
        return {"epic": self.epic, "claim": self.claim}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a message says."""

    hash: str | None = None
    """None if it is not known."""
    is_final: bool = False
    """Whether it will never say anything else."""


class SlackThreads:
    """The rows of threads and messages."""

    def __init__(self, pool: Pool) -> None:
        """Bind to an open database."""
        self._pool = pool

    async def claim(self, *, seconds: float, most: int) -> list[ClaimedThread]:
        """Claim threads that are out of date, those first that were out of date first; none while Slack is to be left alone."""
        claim = uuid.uuid4()
        rows = await fetch_all(self._pool, "claim_slack_threads", {"claim": claim, "seconds": seconds, "most": most})
        return [
            ClaimedThread(
                epic=row["epic_id"],
                claim=claim,
                channel=row["channel"],
                ts=row["ts"],
                since=row["since"],
                wanted=row["wanted"],
                tries=row["tries"],
                problem=row["problem"],
                looked_at=row["looked_at"],
                is_doubtful=bool(row["is_doubtful"]),
                created_at=row["created_at"],
            )
            for row in rows
        ]

    async def keep(self, thread: ClaimedThread, *, seconds: float) -> None:
        """Have the claim for so long from now.

        Raises:
            ClaimLost: if it is over.
        """
        if await fetch_one(self._pool, "keep_slack_claim", {**thread.own, "seconds": seconds}) is None:
            raise ClaimLost(thread.epic)

    async def shown(self, thread: ClaimedThread, *, wait_s: float, problem: str | None = None) -> None:
        """Let go of a thread that says what it must; it is not claimed again before `wait_s`, whatever happens."""
        given = {**thread.own, "shown": thread.wanted, "wait": wait_s, "problem": problem, "looked_at": thread.looked_at}
        await fetch_one(self._pool, "slack_thread_shown", given)

    async def put_off(self, thread: ClaimedThread, *, wait_s: float, problem: str | None, failed: bool = True) -> None:
        """Let go of a thread that is still out of date; `failed` counts it as a try."""
        given = {**thread.own, "wait": wait_s, "problem": problem, "tries": int(failed)}
        await fetch_one(self._pool, "slack_thread_put_off", given)

    async def posts(self, epic: str) -> dict[str, Row]:
        """The messages of a thread, by their keys."""
        return {row["key"]: row for row in await fetch_all(self._pool, "slack_posts_of_epic", {"epic": epic})}

    async def intend(
        self, thread: ClaimedThread, key: str, *, kind: str, channel: str, facts: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Note that a message is about to be posted, and have the claim for so long from now.

        Returns:
            the facts that the message tells of: those of the first intent.

        Raises:
            ClaimLost: if the claim is over.
        """
        given = {**thread.own, "key": key, "kind": kind, "channel": channel, "facts": jsonb(dict(facts)), "seconds": seconds}
        row = await fetch_one(self._pool, "intend_slack_post", given)
        if row is None:
            raise ClaimLost(thread.epic)
        return dict(row["facts"])

    async def not_made(self, thread: ClaimedThread, key: str) -> None:
        """Note that a message that was intended is surely not in Slack."""
        await fetch_one(self._pool, "slack_post_not_made", {**thread.own, "key": key})

    async def made(self, thread: ClaimedThread, key: str, said: Said, *, ts: str, is_root: bool, look_in_s: float | None) -> None:
        """Note where a message is, and what it says.

        Raises:
            ClaimLost: if the claim is over: another process may have posted the message meanwhile.
        """
        given = {**thread.own, "key": key, "ts": ts, "hash": said.hash, "is_final": said.is_final, "is_root": is_root, "look_in": look_in_s}
        if await fetch_one(self._pool, "slack_post_made", given) is None:
            raise ClaimLost(thread.epic)

    async def edited(self, thread: ClaimedThread, key: str, said: Said) -> None:
        """Note what a message says now.

        Raises:
            ClaimLost: if the claim is over: another process may have edited it meanwhile, and has to do it again.
        """
        if (
            await fetch_one(self._pool, "slack_post_edited", {**thread.own, "key": key, "hash": said.hash, "is_final": said.is_final})
            is None
        ):
            await fetch_one(self._pool, "slack_post_unknown", {"key": key})
            raise ClaimLost(thread.epic)

    async def lost(self, key: str) -> int:
        """Note that a message is not there any more, and say how often that was."""
        row = await fetch_one(self._pool, "slack_post_lost", {"key": key})
        return 0 if row is None else int(row["losses"])

    async def given_up(self, key: str, why: str) -> None:
        """Leave a message alone from now on."""
        await fetch_one(self._pool, "slack_post_given_up", {"key": key, "why": why})

    async def begin_anew(self, thread: ClaimedThread) -> None:
        """Forget the first message of a thread: it gets another one."""
        await fetch_one(self._pool, "forget_slack_root", thread.own)

    async def turn(self, what: str, *, per_minute: int, at_once: int, within_s: float) -> float:
        """How many seconds it is to the next turn at something; it is taken if they are at most `within_s`."""
        given = {"what": what, "per_minute": per_minute, "at_once": at_once, "within": within_s}
        row = await fetch_one(self._pool, "take_slack_turn", given)
        return 0.0 if row is None else max(float(row["seconds"]), 0.0)

    async def ask_silence(self, what: str, seconds: float) -> None:
        """Let no process ask for something for a while."""
        await fetch_one(self._pool, "ask_slack_silence", {"what": what, "seconds": seconds})

    async def slack_failed(self, *, first_s: float, most_s: float) -> None:
        """Let no process ask Slack anything for a while: it does not answer. The while grows each time in a row."""
        await fetch_one(self._pool, "slack_failed", {"first": first_s, "most": most_s})

    async def slack_answered(self) -> None:
        """Slack answers again."""
        await fetch_one(self._pool, "slack_answered", {})
