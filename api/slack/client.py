"""The client of Slack's Web API: one call is one request, and nothing is sent twice behind our back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from safety.secrets import Redactor

TIMEOUT_S: Final = 10

Clean = Callable[[Any], Any]
"""From any JSON to the same without secrets."""


class ScrubbedClient(AsyncWebClient):
    """Takes secrets out of all that is said, whoever made the message."""

    def __init__(self, clean: Clean, **given: Any) -> None:
        """Bind to what knows the secrets; the rest is as in the base class."""
        super().__init__(**given)
        self._clean = clean

    async def api_call(self, api_method: str, **given: Any) -> AsyncSlackResponse:
        """Call a method, as in the base class."""
        said = {name: self._said(given[name]) for name in ("json", "params", "data") if isinstance(given.get(name), dict)}
        return await super().api_call(api_method, **{**given, **said})

    def _said(self, given: dict[str, Any]) -> dict[str, Any]:
        # The token of a call is for Slack: that of the app, which asks where to connect, comes with what is said.
        kept = {name: value for name, value in given.items() if name == "token"}
        return {**self._clean({name: value for name, value in given.items() if name not in kept}), **kept}


@asynccontextmanager
async def open_client(
    token: SecretStr, api_url: str, *, timeout_s: int = TIMEOUT_S, clean: Clean | None = None
) -> AsyncGenerator[AsyncWebClient]:
    """A client with connections of its own, that are kept while it is open.

    Args:
        token: of the bot.
        api_url: where the Web API is.
        timeout_s: how long an answer may take.
        clean: takes secrets out of what is said; None for what looks like one.
    """
    async with ClientSession(timeout=ClientTimeout(total=timeout_s)) as session:
        # The library's own handlers repeat a request whose connection broke, though it may have been done: a post would be there twice.
        given = {"base_url": api_url, "timeout": timeout_s, "session": session, "retry_handlers": []}
        yield ScrubbedClient(clean or Redactor().json, token=token.get_secret_value(), **given)
