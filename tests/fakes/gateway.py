"""A gateway at work, with a provider behind it and a CLI's calls before it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from executors.gateway.own_tools import OwnTools
from executors.gateway.serving import serve
from executors.gateway.session import GatewaySession
from executors.gateway.upstream import Upstream
from executors.port import Journal, Order
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.retries import Retries
from executors.scripts import Script
from executors.terms import Terms
from executors.throttle import Throttle, Unthrottled
from safety.prices import Price
from tests.fakes.model_server import Fault, ModelServer
from tests.fakes.orders import order
from tools.builtin import builtin_tools

KEY = "sk-ant-the-real-key"
TOKEN = "token-of-the-attempt"
NAME = "claude-sonnet-4-5"
MODEL = f"anthropic:{NAME}"
PRICE = Price.per_million(Decimal(3), Decimal(15))
TOOLS = [{"name": "write_file", "input_schema": {"type": "object"}}]
BRIEF = "Workflow: implement\n\nMake it so."
WRITES = {"say": "I write it, and say so at length.", "write": {"a.txt": "hello\n"}}
ENDS = {"say": "It is done.", "output": {"summary": "done"}}


@dataclass(kw_only=True)
class Caller:
    """Calls a gateway as a CLI does, and keeps the conversation."""

    client: httpx2.AsyncClient
    url: str
    messages: list[dict[str, Any]] = field(default_factory=lambda: [{"role": "user", "content": BRIEF}])

    def body(self, **changed: Any) -> dict[str, Any]:
        """The next request."""
        return {"model": NAME, "max_tokens": 4_000, "stream": False, "messages": self.messages, "tools": TOOLS, **changed}

    async def ask(self, *, token: str = TOKEN, **changed: Any) -> httpx2.Response:
        """Make the next request."""
        return await self.client.post(f"{self.url}/v1/messages?beta=true", json=self.body(**changed), headers={"x-api-key": token})

    def hear(self, answer: Mapping[str, Any], *results: str) -> None:
        """Take an answer into the conversation, with the results of its tools."""
        self.messages.append({"role": "assistant", "content": answer["content"]})
        calls = [block for block in answer["content"] if block["type"] == "tool_use"]
        told = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": results[at] if at < len(results) else "ok"}
            for at, call in enumerate(calls)
        ]
        if told:
            self.messages.append({"role": "user", "content": told})


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All of it."""

    server: ModelServer
    session: GatewaySession
    caller: Caller
    address: str


def script(*turns: Mapping[str, Any]) -> Script:
    """A script of one workflow with these turns."""
    return Script.model_validate({"plays": [{"workflow": "implement", "turns": list(turns) or [WRITES, ENDS]}]})


def terms(*, tries: int = 3, **changed: Any) -> Terms:
    """Terms under which nobody waits long."""

    async def at_once(_seconds: float) -> None:
        pass

    return Terms(prices={MODEL: PRICE}, floor_tokens=300, retries=Retries(tries=tries, sleep=at_once), **changed)


@asynccontextmanager
async def gateway(
    tree: Path,
    journal: Journal,
    *turns: Mapping[str, Any],
    faults: Sequence[Fault] = (),
    throttle: Throttle | None = None,
    socket: Path | None = None,
    asked: Order | None = None,
    tries: int = 3,
) -> AsyncGenerator[Scene]:
    """Open a gateway before a provider that plays these turns."""
    with ModelServer(script(*turns), faults=faults) as server:
        upstream = Upstream(ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr(KEY), base_url=server.url)}))
        given = asked or order(tree, models=(MODEL,))
        session = GatewaySession(
            given,
            journal,
            token=TOKEN,
            recorded=await journal.turns(),
            upstream=upstream,
            terms=terms(tries=tries),
            throttle=throttle or Unthrottled(),
        )
        transport = httpx2.AsyncHTTPTransport(uds=str(socket)) if socket is not None else None
        own = OwnTools(given, builtin_tools())
        async with serve(session, socket=socket, tools=own) as address, httpx2.AsyncClient(timeout=30, transport=transport) as client:
            url = "http://gateway" if socket is not None else address
            yield Scene(server=server, session=session, caller=Caller(client=client, url=url), address=address)
        await upstream.close()


def events_in(raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream."""
    return [json.loads(part.partition(b"data: ")[2]) for part in raw.split(b"\n\n") if b"data: " in part]
