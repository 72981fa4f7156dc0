"""Calls of Slack's Web API, each at its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientConnectorError, ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

from api.slack.answers import Later, MessageClosed, SlackAway, meaning_of
from api.slack.blocks import Payload
from db.slack_threads import SlackThreads
from engine.waiting import any_set

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

EVENT_TYPE: Final = "genie_post"

_POST: Final = "chat.postMessage"
_PER_MINUTE: Final[Mapping[str, tuple[int, int]]] = {
    # One message a second in a channel; of the others Slack grants some fifty a minute and workspace. Few may come at once.
    _POST: (60, 5),
    "chat.update": (50, 10),
    "chat.delete": (50, 10),
    "conversations.replies": (50, 10),
    "conversations.history": (50, 10),
}


class SlackCalls:
    """The calls that the deliverer makes."""

    def __init__(
        self,
        client: AsyncWebClient,
        threads: SlackThreads,
        *,
        stop: asyncio.Event,
        most_wait_s: float,
    ) -> None:
        """Bind to a client, and to the turns that all servers share; nobody waits for one any more when `stop` is set."""
        self._client = client
        self._threads = threads
        self._stop = stop
        self._most_wait_s = most_wait_s

    async def turn(self, method: str, channel: str, *, patient: bool = True) -> None:
        """Wait for the next turn at a method; who is not patient does not wait.

        Raises:
            Later: if it is too far.
        """
        per_minute, at_once = _PER_MINUTE[method]
        if not patient:
            # The other half is for those who have something to say that cannot wait.
            at_once //= 2
        within_s = self._most_wait_s if patient else 0.0
        what = _what(method, channel)
        seconds = await self._threads.turn(what, per_minute=per_minute, at_once=at_once, within_s=within_s)
        if seconds > within_s:
            raise Later(seconds)
        if seconds > 0 and await any_set(self._stop, within=seconds):
            raise Later(seconds)

    async def post(self, channel: str, thread_ts: str | None, payload: Payload, key: str) -> str:
        """Post a message whose metadata has its key, and say where it is. `turn` comes before."""
        answer = await self._call(
            _POST,
            channel,
            self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=payload.text,
                blocks=list(payload.blocks),
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return str(answer["ts"])

    async def update(self, channel: str, ts: str, payload: Payload) -> None:
        """Edit a message; its metadata stays. `turn` comes before."""
        blocks = list(payload.blocks)
        await self._call("chat.update", channel, self._client.chat_update(channel=channel, ts=ts, text=payload.text, blocks=blocks))

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message of ours; one that is gone already is no trouble."""
        await self.turn("chat.delete", channel)
        try:
            await self._call("chat.delete", channel, self._client.chat_delete(channel=channel, ts=ts))
        except MessageClosed:
            return

    async def found(self, channel: str, thread_ts: str | None, *, since: float) -> dict[str, list[str]]:
        """Where messages with keys of ours are: in a thread, or in the channel itself since a time; by their keys, the oldest first."""
        method = "conversations.history" if thread_ts is None else "conversations.replies"
        given: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": 200, "oldest": f"{since:.6f}"}
        places: dict[str, list[str]] = {}
        cursor = ""
        while True:
            await self.turn(method, channel)
            page = {**given, "cursor": cursor or None}
            asked = (
                self._client.conversations_history(**page)
                if thread_ts is None
                else self._client.conversations_replies(ts=thread_ts, **page)
            )
            try:
                answer = await self._call(method, channel, asked)
            except MessageClosed:
                return {}  # nothing is left of the thread
            for message in answer.get("messages", []):
                if key := _key(message):
                    places.setdefault(key, []).append(str(message["ts"]))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return {key: sorted(found) for key, found in places.items()}

    async def _call(self, method: str, channel: str, asked: Awaitable[Any]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = (await asked).data
        except SlackApiError as error:
            meaning = meaning_of(error)
            if isinstance(meaning, Later):
                await self._threads.ask_silence(_what(method, channel), meaning.seconds)
            raise meaning from error
        except ClientConnectorError as error:
            raise SlackAway(f"cannot connect: {error.strerror or error}", surely_not_done=True) from error
        except (ClientError, SlackClientError, TimeoutError, OSError) as error:
            raise SlackAway(f"{type(error).__name__}: {error}".strip(": "), surely_not_done=False) from error
        return answer


def _what(method: str, channel: str) -> str:
    """Posts have their turns in each channel, all else in the workspace."""
    return f"{method} {channel}" if method == _POST else method


def _key(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    return str((metadata.get("event_payload") or {}).get("key") or "") if metadata.get("event_type") == EVENT_TYPE else ""
