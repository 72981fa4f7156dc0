"""What the faces do with requests: ask, choose, advance, wait, cancel, read."""

from __future__ import annotations

from collections.abc import Mapping

from db.breakers import reset_breaker
from engine.assembling import Installation
from engine.refusals import refusals_told
from engine.routing.advancing import OnPart
from engine.routing.asking import WithinAsk, take_ask
from engine.routing.orders import Ask
from engine.routing.reading import ask_id_of, ask_view, list_asks
from engine.routing.views import AskView
from engine.views import Page


class Asks:
    """The use cases of requests; `Engine.asks` gives them."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open installation."""
        self._installation = installation
        self._pool = installation.database.pool

    async def ask(self, asked: Ask, *, key: str | None = None, within: WithinAsk | None = None) -> tuple[AskView, bool]:
        """Take a request, and say whether it had been taken before under this key; see `take_ask` for what is refused."""
        async with refusals_told(self._pool, "ask", kind="ask", subject=asked.agent or "", repo=asked.repo or ""):
            taken = await take_ask(self._installation, asked, key=key, within=within)
        return await ask_view(self._pool, taken.id), taken.replayed

    async def choose(self, ask: str, chosen: Mapping[int, str]) -> AskView:
        """Say who does parts; see `choose_agents`."""
        from engine.routing.choosing import choose_agents  # noqa: PLC0415  # reading needs none of it

        return await choose_agents(self._installation, await ask_id_of(self._pool, ask), chosen)

    async def advance(self, ask: str, *, on_part: OnPart | None = None) -> AskView:
        """Run it in this process until it ends, needs a choice or waits for a person; `on_part` is called with each event from now on."""
        from engine.routing.advancing import advance_ask  # noqa: PLC0415  # reading needs none of it

        return await advance_ask(self._installation, await ask_id_of(self._pool, ask), on_part)

    async def cancel(self, ask: str, *, by: str, reason: str = "") -> AskView:
        """Cancel a request with all that does a part of it; see `cancel_request`."""
        from engine.routing.cancelling import cancel_request  # noqa: PLC0415  # as in `advance`

        return await cancel_request(self._installation, await ask_id_of(self._pool, ask), by=by, reason=reason)

    async def show(self, ask: str) -> AskView:
        """One request, by its id or the beginning of it."""
        return await ask_view(self._pool, await ask_id_of(self._pool, ask))

    async def page(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AskView]:
        """Requests, newest first."""
        return await list_asks(self._pool, status=status, repo=repo, limit=limit, cursor=cursor)

    async def reset(self, agent: str) -> bool:
        """Let an agent be used again at once; False if nothing was against it."""
        return await reset_breaker(self._pool, agent)
