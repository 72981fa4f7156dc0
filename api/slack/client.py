"""The client of Slack's Web API: one call is one request, and nothing is sent twice behind our back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import ClientSession, ClientTimeout
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_S: Final = 10


@asynccontextmanager
async def open_client(token: SecretStr, api_url: str, *, timeout_s: int = TIMEOUT_S) -> AsyncGenerator[AsyncWebClient]:
    """A client with connections of its own, that are kept while it is open.

    Args:
        token: of the bot.
        api_url: where the Web API is.
        timeout_s: how long an answer may take.
    """
    async with ClientSession(timeout=ClientTimeout(total=timeout_s)) as session:
        # The library's own handlers repeat a request whose connection broke, though it may have been done: a post would be there twice.
        yield AsyncWebClient(token=token.get_secret_value(), base_url=api_url, timeout=timeout_s, session=session, retry_handlers=[])
