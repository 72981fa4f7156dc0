"""One pass over the thread of one epic: what is missing is posted, in order, and what differs is edited.

Before a post its row is there. Whoever finds a row without a place looks in Slack for the message before it is posted again, so a kill
at any point leaves one message; and whoever finds that another process has the thread now, deletes what it posted itself meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from api.slack.answers import ChannelClosed, ContentRefused, Later, MessageClosed, SlackAway
from api.slack.blocks import Payload
from api.slack.calls import SlackCalls
from api.slack.cards import Reader
from api.slack.desired import CALLS, CARD, ROOT, Wanted, wanted_posts
from api.slack.looking import Place, find, put_right
from db.epics import Row
from db.slack_threads import ClaimedThread, ClaimLost, Said
from engine.slack.facts import CardFacts, ThreadFacts
from engine.slack.showing import Showing
from safety.scrubbing import Scrubber

_MOST_LOSSES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Times in seconds."""

    claim_s: float = 30.0
    """Longer than a turn and a call may take together, and how long a thread waits whose server was killed."""
    turn_s: float = 3.0
    """How long a turn is waited for with the claim in hand; other threads, of other channels, may be next."""
    again_s: float = 1.0
    """Between two passes over a thread: what happens meanwhile is told by one edit."""
    look_s: float = 90.0
    """After a post of which nobody knew whether it had been there already: when to look for a second one."""
    first_wait_s: float = 1.0
    most_wait_s: float = 60.0
    closed_wait_s: float = 300.0
    most_closed_wait_s: float = 6 * 3600.0


class ThreadPass:
    """One pass over one thread."""

    def __init__(
        self, thread: ClaimedThread, showing: Showing, calls: SlackCalls, reader: Reader, scrubber: Scrubber, *, patience: Patience
    ) -> None:
        """Bind to a thread that was claimed."""
        self._thread = thread
        self._showing = showing
        self._rows = showing.threads
        self._calls = calls
        self._reader = reader
        self._scrubber = scrubber
        self._patience = patience
        self._log = structlog.get_logger().bind(epic=thread.epic)
        self._channel = thread.channel or ""
        self._ts = thread.ts
        self._posts: dict[str, Row] = {}

    async def make(self) -> None:
        """Make the pass.

        Raises:
            Later: if it cannot be ended yet.
            SlackAway: if Slack does not answer.
            ChannelClosed: if the channel takes nothing.
            ClaimLost: if another process has the thread now.
        """
        facts = await self._showing.facts(self._thread)
        if facts.is_entry or not await self._has_channel(facts):
            problem = None if facts.is_entry else "no channel is about its repository: see `genie slack map`"
            await self._rows.shown(self._thread, wait_s=self._patience.again_s, problem=problem)
            return
        self._posts = await self._rows.posts(self._thread.epic)
        first, *others = wanted_posts(facts, self._reader, [key for key, row in self._posts.items() if row["ts"] is not None])
        if self._thread.looked_at is not None:
            keys = {first.key, *(each.key for each in others)} if self._thread.is_doubtful else None
            await put_right(self._calls, self._place, self._posts, keys, since=self._thread.created_at)
        if self._row_of(first).get("ts") is None:
            await self._show(first)
        if self._ts is None:
            problem = "Slack will not have the first message of its thread"
            await self._rows.shown(self._thread, wait_s=self._patience.again_s, problem=problem)
            return
        for wanted in others:
            await self._show(wanted)
        # Last: a card that waits for somebody is worth more than the line that says so.
        await self._show(first)
        await self._rows.shown(self._thread, wait_s=self._patience.again_s)

    async def _has_channel(self, facts: ThreadFacts) -> bool:
        if not self._channel:
            self._channel = await self._showing.channel_for(facts.epic.repo) or ""
        return bool(self._channel)

    @property
    def _place(self) -> Place:
        return Place(epic=self._thread.epic, channel=self._channel, ts=self._ts)

    def _row_of(self, wanted: Wanted) -> Row:
        return self._posts.get(wanted.key, {})

    async def _show(self, wanted: Wanted) -> None:
        """Let one message be there, and say what it must."""
        row = self._row_of(wanted)
        if row.get("given_up") is not None or row.get("is_final"):
            return
        try:
            if row.get("ts") is None:
                await self._post(wanted)
            elif wanted.is_edited or row["posted_hash"] is None:
                await self._edit(wanted, wanted.write(CardFacts.model_validate(row["facts"])))
        except MessageClosed as error:
            await self._gone(wanted, str(error))
        except ContentRefused as error:
            self._log.error("Slack will not have a message of ours", key=wanted.key, error=str(error))
            await self._rows.given_up(wanted.key, str(error))

    async def _post(self, wanted: Wanted) -> None:
        row = self._row_of(wanted)
        facts = await self._facts_for(wanted, row)
        await self._calls.turn("chat.postMessage", self._channel)
        if wanted.kind in CALLS and wanted.approval is not None and not await self._showing.is_open(wanted.approval.id):
            return  # decided while we waited for our turn
        stored = facts.model_dump(mode="json")
        kept = CardFacts.model_validate(
            await self._rows.intend(
                self._thread, wanted.key, kind=wanted.kind, channel=self._channel, facts=stored, seconds=self._patience.claim_s
            )
        )
        nowhere = {"ts": None, "posted_hash": None, "given_up": None}
        self._posts[wanted.key] = {**row, **nowhere, "facts": kept.model_dump(mode="json"), "channel": self._channel}
        payload = wanted.write(kept)
        tried_at = row.get("intended_at") or (self._thread.created_at if self._thread.is_doubtful else None)
        if tried_at is not None and (there := await find(self._calls, self._place, wanted.key, since=tried_at)):
            await self._note(wanted, there[0], Said(), look=False)
            for twin in there[1:]:
                await self._calls.delete(self._channel, twin)
            await self._edit(wanted, payload)
            return
        ts, posted = await self._sent(wanted, payload)
        await self._note(wanted, ts, Said(hash=posted.hash, is_final=wanted.is_final), look=tried_at is not None)

    async def _facts_for(self, wanted: Wanted, row: Row) -> CardFacts:
        if wanted.kind != CARD or wanted.approval is None or row:
            return CardFacts.model_validate(row.get("facts") or {})
        # Read before the claim is made to last: this may take a while.
        return await self._showing.card(wanted.approval, self._scrubber)

    async def _sent(self, wanted: Wanted, payload: Payload) -> tuple[str, Payload]:
        """Post; a message that Slack will not have is posted in few words instead."""
        thread_ts = self._ts
        try:
            try:
                return await self._calls.post(self._channel, thread_ts, payload, wanted.key), payload
            except ContentRefused as error:
                self._log.warning("Slack will not have a message of ours: it gets fewer words", key=wanted.key, error=str(error))
                return await self._calls.post(self._channel, thread_ts, payload.minimal, wanted.key), payload
        except (Later, ChannelClosed, ContentRefused):
            await self._rows.not_made(self._thread, wanted.key)
            raise
        except MessageClosed as error:
            await self._rows.not_made(self._thread, wanted.key)
            raise ChannelClosed(str(error)) from error
        except SlackAway as error:
            if error.surely_not_done:
                await self._rows.not_made(self._thread, wanted.key)
            raise

    async def _note(self, wanted: Wanted, ts: str, said: Said, *, look: bool) -> None:
        """Note where a message is; where another process has the thread, ours goes."""
        is_root = wanted.kind == ROOT
        look_in_s = self._patience.look_s if look else None
        try:
            await self._rows.made(self._thread, wanted.key, said, ts=ts, is_root=is_root, look_in_s=look_in_s)
        except ClaimLost:
            theirs = (await self._rows.posts(self._thread.epic)).get(wanted.key, {}).get("ts")
            if theirs is not None and theirs != ts:
                await self._calls.delete(self._channel, ts)
            raise
        self._posts[wanted.key] = {**self._row_of(wanted), "ts": ts, "posted_hash": said.hash}
        if is_root and self._ts is None:
            self._ts = ts

    async def _edit(self, wanted: Wanted, payload: Payload) -> None:
        row = self._row_of(wanted)
        if row["posted_hash"] == payload.hash:
            return
        await self._calls.turn("chat.update", self._channel, patient=wanted.kind != ROOT)
        await self._rows.keep(self._thread, seconds=self._patience.claim_s)
        channel = str(row.get("channel") or self._channel)
        try:
            await self._calls.update(channel, str(row["ts"]), payload)
        except ContentRefused:
            await self._calls.update(channel, str(row["ts"]), payload.minimal)
        await self._rows.edited(self._thread, wanted.key, Said(hash=payload.hash, is_final=wanted.is_final))
        self._posts[wanted.key] = {**row, "posted_hash": payload.hash}

    async def _gone(self, wanted: Wanted, why: str) -> None:
        """Somebody deleted a message, or it cannot be edited: an open question is asked again, and all else is left alone."""
        others = any(row["ts"] is not None for key, row in self._posts.items() if key != wanted.key)
        begins_anew = wanted.kind == ROOT and not others and self._ts == self._row_of(wanted).get("ts")
        if (wanted.is_open or begins_anew) and await self._rows.lost(wanted.key) <= _MOST_LOSSES:
            self._log.warning("a message in Slack is gone, and posted again", key=wanted.key, error=why)
            if begins_anew:
                await self._rows.begin_anew(self._thread)
                self._ts = None
            self._posts[wanted.key] = {**self._row_of(wanted), "ts": None, "posted_hash": None, "intended_at": None}
            await self._post(wanted)
            return
        self._log.warning("a message in Slack is gone, and left alone", key=wanted.key, error=why)
        await self._rows.given_up(wanted.key, why)
