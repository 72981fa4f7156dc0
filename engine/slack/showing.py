"""What Slack is to show: its threads as rows, and the facts that they tell."""

from __future__ import annotations

from db.slack import channel_for, mapped_channels, workspace
from db.slack_threads import ClaimedThread, SlackThreads
from engine.assembling import Installation
from engine.reading import approval_view
from engine.slack.facts import CardFacts, ThreadFacts, card_facts, thread_facts
from engine.slack.known_people import KnownPeople, known_people
from engine.views import ApprovalView
from engine.webhook_secrets import known_webhook_secrets
from epics.approvals import ApprovalStatus
from safety.scrubbing import Scrubber


class Showing:
    """Reads what is to be shown, and keeps what is."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool
        self.threads = SlackThreads(self._pool)

    async def facts(self, thread: ClaimedThread) -> ThreadFacts:
        """What a thread tells of.

        Raises:
            EpicNotFound: if its epic is gone.
        """
        return await thread_facts(self._installation, thread.epic, thread.since)

    async def card(self, approval: ApprovalView, scrubber: Scrubber) -> CardFacts:
        """What an approval is about."""
        return await card_facts(self._installation, approval, scrubber)

    async def is_open(self, approval: str) -> bool:
        """Whether an approval still waits for its decision."""
        return (await approval_view(self._pool, approval)).status is ApprovalStatus.PENDING

    async def channel_for(self, repo: str) -> str | None:
        """The channel in which a repository's epics are shown, or None."""
        found = await workspace(self._pool)
        return channel_for(repo, await mapped_channels(self._pool), found["default_channel"] if found is not None else None)

    async def people(self) -> KnownPeople:
        """Who is known in the workspace."""
        found = await workspace(self._pool)
        return KnownPeople() if found is None else await known_people(self._pool, found["team"])

    async def scrubber(self) -> Scrubber:
        """Takes every secret that this process knows out of texts."""
        return Scrubber((*self._installation.secrets, *await known_webhook_secrets(self._pool)))
