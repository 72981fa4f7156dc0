"""Who is told of what happens: webhooks added, tested and removed, and what became of their messages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from db.connection import Pool
from db.outbox import list_messages, resend_dead, resend_message
from db.webhooks import Target, delete_webhook, find_webhook, insert_webhook, list_webhooks
from engine.assembling import Installation
from engine.checked_sending import resolve
from engine.posting import Poster
from engine.webhook_secrets import context_of, opened
from engine.webhook_views import MessageView, NewWebhook, Tried, WebhookView
from epics.errors import Conflict, InvalidInput, WebhookNotFound
from safety.addresses import check_addresses, checked_url
from safety.signatures import key_in, new_secret

EVENTS: Final[Mapping[str, str]] = {
    "epic_queued": "an epic was started, and waits for a worker",
    "epic_taken": "a worker took it; its status is running",
    "epic_resumed": "somebody resumed it",
    "epic_paused": "it was parked, with the cause in `data.problem`",
    "epic_postponed": "it waits for something outside, and is tried again by itself",
    "epic_ended": "it is merged, rejected, failed or cancelled",
    "step_finished": "a step is done, and a moment was made",
    "failure_analysed": "an attempt failed, and this is why",
    "approval_opened": "a gate waits for a person",
    "approval_decided": "somebody decided it",
    "approval_voted": "somebody said what to do, and others must say the same; `data` says how many so far",
    "approval_escalated": "nobody decided it for long, and those in `data.to` may now as well",
    "approval_expired": "nobody decided it in time; `data.on_expiry` says whether the epic is paused or ends",
    "epic_rolled_back": "it was taken back to an earlier moment, or that was undone; `data` says which and by whom",
    "epic_forked": "it was made from a moment of another epic, which `data` names",
    "attempt_picked": "one of its attempts side by side was picked; `data` says which, by whom and why",
}
"""The events that can be asked for, each with what it means."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MOST: Final = 500


class Webhooks:
    """The outgoing webhooks of an installation."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._pool: Pool = installation.database.pool
        self._allow_private = installation.webhook_allow_private

    async def add(
        self, url: str, *, name: str | None = None, events: Sequence[str] = (), secret: str | None = None, allow_private: bool = False
    ) -> NewWebhook:
        """Add an endpoint, which is told of what happens from now on.

        Args:
            url: where messages are sent.
            name: what it is called; made from the host if None.
            events: types of events; empty for all.
            secret: in the form of Standard Webhooks; a new one if None.
            allow_private: let it be in a private network, and be plain http.

        Raises:
            InvalidInput: if the URL, an event, the name or the secret cannot be used.
            AddressRefused: if its host has an address that is not public.
            Conflict: if the name is taken.
            SecretUnreadable: if there is no key to seal its secret with.
        """
        allowed = allow_private or self._allow_private
        host = await _checked_host(url, allow_private=allowed)
        chosen = name if name is not None else re.sub(r"[^a-z0-9._-]+", "-", host.lower()).strip("-.")[:60]
        if not _NAME.fullmatch(chosen):
            raise InvalidInput(f"{chosen[:80]!r} cannot be the name of a webhook: use a-z, 0-9, '.', '_' and '-', at most 63 characters")
        if unknown := sorted(set(events) - EVENTS.keys()):
            raise InvalidInput(f"there is no event {unknown[0][:80]!r}; there are {', '.join(EVENTS)}")
        made = new_secret() if secret is None else secret
        key_in(made)
        sealed = await self._pool.sealer.sealed(made, context_of(chosen))
        target = Target(name=chosen, url=url, secret=sealed, allow_private=allow_private)
        if not await insert_webhook(self._pool, target, sorted(set(events))):
            raise Conflict(f"there is a webhook {chosen!r} already: remove it first, or give another --name")
        view = await self.one(chosen)
        return NewWebhook(**dict(view), secret=made if secret is None else None)

    async def all(self) -> tuple[WebhookView, ...]:
        """All endpoints, by name, with what waits for each."""
        return tuple(WebhookView.model_validate(row) for row in await list_webhooks(self._pool))

    async def one(self, name: str) -> WebhookView:
        """One endpoint.

        Raises:
            WebhookNotFound: if there is none of that name.
        """
        rows = await list_webhooks(self._pool, name)
        if not rows:
            raise _not_there(name)
        return WebhookView.model_validate(rows[0])

    async def remove(self, name: str) -> None:
        """Remove an endpoint with all that waits for it.

        Raises:
            WebhookNotFound: if there is none of that name.
        """
        if not await delete_webhook(self._pool, name):
            raise _not_there(name)

    async def test(self, name: str) -> Tried:
        """Send a ping now, and return what was answered.

        Raises:
            WebhookNotFound: if there is none of that name.
            SecretUnreadable: if its secret cannot be opened here.
        """
        _, found = await self._found(name)
        target = await opened(self._pool, found)
        message = f"msg_ping_{uuid.uuid4().hex}"
        body: dict[str, Any] = {"type": "ping", "id": message, "time": datetime.now(UTC).isoformat(), "epic": None, "data": {}, "links": {}}
        answer = await Poster(allow_private=self._allow_private).post(target, message, body)
        return Tried(
            webhook=name,
            id=message,
            delivered=answer.is_delivered,
            answer=answer.status,
            problem=answer.problem,
            body=answer.body,
            seconds=round(answer.seconds, 3),
        )

    async def messages(self, name: str, *, dead: bool = False, limit: int = 100) -> tuple[MessageView, ...]:
        """The messages of an endpoint, newest first; only those that were given up if `dead`.

        Raises:
            WebhookNotFound: if there is none of that name.
            InvalidInput: if the limit is out of range.
        """
        if not 1 <= limit <= _MOST:
            raise InvalidInput(f"the limit must be from 1 to {_MOST}, not {limit}")
        number, _ = await self._found(name)
        return tuple(MessageView.model_validate(row) for row in await list_messages(self._pool, number, dead=dead, limit=limit))

    async def resend(self, message: int) -> None:
        """Let a message be sent again, now, whatever became of it; it bears the same id.

        Raises:
            WebhookNotFound: if there is no such message any more.
        """
        if not 0 < message < 2**63 or not await resend_message(self._pool, message):
            raise WebhookNotFound(f"there is no message {message}: see `genie webhook deliveries NAME`")

    async def resend_dead(self, name: str | None = None) -> int:
        """Let all messages that were given up be sent again, of one endpoint or of all; returns how many.

        Raises:
            WebhookNotFound: if there is no endpoint of that name.
        """
        number = None if name is None else (await self._found(name))[0]
        return await resend_dead(self._pool, number)

    async def _found(self, name: str) -> tuple[int, Target]:
        found = await find_webhook(self._pool, name)
        if found is None:
            raise _not_there(name)
        return found


async def _checked_host(url: str, *, allow_private: bool) -> str:
    """The host of a URL; refused if it is known to be private. A name that is not known here may be known to the workers."""
    host = urlsplit(checked_url(url, allow_private=allow_private)).hostname or ""
    try:
        addresses = await resolve(host, 0)
    except (OSError, UnicodeError):
        addresses = []
    check_addresses(host, addresses, allow_private=allow_private)
    return host


def _not_there(name: str) -> WebhookNotFound:
    return WebhookNotFound(f"there is no webhook {name[:80]!r}: see `genie webhook list`")
