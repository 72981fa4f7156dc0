"""Requests that were asked for in Slack: asked and chosen for once however often that is delivered, and shown where they were asked."""

from __future__ import annotations

from collections.abc import Mapping

from db.ask_posts import AskPosts
from db.connection import Connection
from db.hooks import Delivery, insert_hook_delivery
from engine.access.permitting import permit
from engine.access.role_table import Needed, Of
from engine.assembling import Installation
from engine.routing.asking import take_ask
from engine.routing.choosing import choose_agents
from engine.routing.orders import Ask
from engine.routing.reading import ask_id_of, ask_view
from engine.routing.views import AskView
from engine.slack.places import Place
from epics.roles import Deed


class SlackAsks:
    """Does what was asked for in Slack, for the current caller."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool
        self.posts = AskPosts(self._pool)

    async def ask(self, asked: Ask, place: Place | None, delivery: Delivery) -> AskView:
        """Take a request that is shown in a place; see `take_ask` for what is refused.

        Raises:
            Forbidden: if the caller may run nothing there.
            DeliveryTaken: if it was taken already.
        """
        await permit(self._pool, Needed(Deed.RUN, Of.REPO), asked.repo)

        async def beside(connection: Connection, ask_id: str) -> None:
            await insert_hook_delivery(connection, delivery, {"did": "ask", "ask": ask_id})
            if place is not None:
                await self.posts.bind(connection, ask_id, place.channel, place.thread)

        return await ask_view(self._pool, (await take_ask(self._installation, asked, within=beside)).id)

    async def choose(self, ask: str, chosen: Mapping[int, str], delivery: Delivery) -> AskView:
        """Say who does parts; see `choose_agents` for what is refused.

        Raises:
            DeliveryTaken: if that was said already.
        """

        async def beside(connection: Connection, ask_id: str) -> None:
            await insert_hook_delivery(connection, delivery, {"did": "choose", "ask": ask_id})

        await permit(self._pool, Needed(Deed.RUN, Of.ASK), ask)
        return await choose_agents(self._installation, await ask_id_of(self._pool, ask), chosen, within=beside)

    async def shown(self, ask_id: str) -> AskView:
        """A request, for its messages."""
        return await ask_view(self._pool, ask_id)

    async def of_thread(self, channel: str, ts: str) -> str | None:
        """The request that a thread is about, or None."""
        return await self.posts.ask_of(channel, ts)
