"""How much later the first byte of an answer comes through the gateway than straight from the provider."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, cast

import httpx2
import uvicorn
from pydantic import SecretStr

from agents.workflow import Boundaries, Limits, Workflow
from db.attempts import next_attempt_number, open_attempt
from db.connection import Database, open_database
from db.epics import insert_epic
from db.journal import AttemptJournal
from db.leases import Worker, take_lease
from db.throttling import SharedThrottle
from engine.recording import RecordingJournal
from epics.verdicts import ChangeReport
from executors.gateway.serving import serve
from executors.gateway.session import GatewaySession
from executors.gateway.upstream import Upstream
from executors.port import Order
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.terms import Terms
from executors.throttle import fingerprints
from timemachine.commits import Signature

_TURNS: Final = 200
_WARM: Final = 20
_TARGET_MS: Final = 5.0
_MODEL: Final = "claude-sonnet-4-5"
_FRAME: Final = {
    "model": _MODEL,
    "max_tokens": 4_000,
    "stream": True,
    "system": [{"type": "text", "text": "You work alone on one task. " * 1_000}],
    "tools": [{"name": "Read", "description": "Reads a file. " * 1_500, "input_schema": {"type": "object"}}],
}
"""As large as what a CLI sends around its conversation: 50 kB."""
_RESULT: Final = "a line of a file that was read\n" * 30

Messages = list[dict[str, Any]]


def measure() -> list[dict[str, Any]]:
    """The same conversation, call by call in turn straight and through the gateway; the journal is a real one, and warm."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder, _provider() as url:
        direct, through = asyncio.run(_measure(Path(folder), url))
    over = (_p95(through) - _p95(direct)) * 1_000
    return [
        {
            "name": "first byte through the gateway, p95 over direct",
            "value": round(over, 2),
            "unit": "ms",
            "against": f"direct: p95 {_p95(direct) * 1_000:.2f} ms; through: p95 {_p95(through) * 1_000:.2f} ms",
            "ratio": round(over / _TARGET_MS, 3),
            "target": f"<= {_TARGET_MS:g} ms",
            "met": over <= _TARGET_MS,
        },
        {
            "name": "first byte through the gateway, median over direct",
            "value": round((statistics.median(through) - statistics.median(direct)) * 1_000, 2),
            "unit": "ms",
            "against": f"direct: median {statistics.median(direct) * 1_000:.2f} ms, over {len(direct)} calls",
            "ratio": None,
            "target": None,
            "met": None,
        },
    ]


async def _measure(folder: Path, provider: str) -> tuple[list[float], list[float]]:
    async with open_database(None, folder) as database, _session(database, folder, provider) as session, serve(session) as gateway:
        return await asyncio.to_thread(_converse, provider, gateway)


def _converse(provider: str, gateway: str) -> tuple[list[float], list[float]]:
    """Two conversations side by side, in a thread: whoever asks is another process than the worker in earnest."""
    took: dict[str, list[float]] = {provider: [], gateway: []}
    said: dict[str, Messages] = {url: [{"role": "user", "content": "Workflow: implement"}] for url in took}
    with httpx2.Client(timeout=60) as client:
        for _ in range(_WARM + _TURNS):
            for url, seconds in took.items():
                seconds.append(_first_byte(client, url, said[url]))
    return took[provider][_WARM:], took[gateway][_WARM:]


def _first_byte(client: httpx2.Client, url: str, messages: Messages) -> float:
    """The seconds until the first byte of an answer came; the conversation has grown by it then."""
    body = json.dumps({**_FRAME, "messages": messages}).encode()
    begun = time.perf_counter()
    with client.stream("POST", f"{url}/v1/messages", content=body, headers={"x-api-key": "token"}) as response:
        chunks = response.iter_raw()
        got = next(chunks)
        seconds = time.perf_counter() - begun
        got += b"".join(chunks)
    if b"message_stop" not in got:
        raise RuntimeError(f"an answer was not whole: {got[-300:]!r}")
    call = {"type": "tool_use", "id": f"toolu_{len(messages)}", "name": "Read", "input": {"file_path": "a.txt"}}
    messages.append({"role": "assistant", "content": [{"type": "text", "text": "I read it."}, call]})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": _RESULT}]})
    if len(messages) > 60:  # A conversation does not grow for ever: it is made shorter.
        del messages[1:-1]
    return seconds


@asynccontextmanager
async def _session(database: Database, folder: Path, provider: str) -> AsyncGenerator[GatewaySession]:
    epic = "e-0000000001"
    values = {"id": epic, "goal": "g", "repo": "/repo", "base": "main", "base_commit": "c" * 40, "budget_usd": Decimal(1_000)}
    values |= {"executor": None, "model": None, "autonomy": "auto", "auto_approve": False, "graph_version": 1}
    await insert_epic(database.pool, values)
    lease = await take_lease(database.pool, epic, Worker(name="bench:1", host="bench", pid=1, pid_started="1"), seconds=3_600)
    n = await next_attempt_number(database.pool, lease)
    opened = {"n": n, "task": "t", "step": "implement", "workflow": "implement", "workflow_hash": "h", "executor": "claude_local"}
    opened |= {"model": _MODEL, "base_commit": "c" * 40, "branch": None, "brief": "b", "limit_usd": None, "continues": None}
    row = await open_attempt(database.pool, lease, opened)
    signature = Signature(name="Genie", email="genie@localhost", at=row["started_at"])
    # Nothing but reading is called, so neither the tree nor its packs are touched: snapshots are measured by themselves.
    nothing = cast("Any", None)
    journal = RecordingJournal(AttemptJournal(database.pool, lease, n), nothing, signature, "bench", nothing)
    keys = ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr("key"), base_url=provider)})
    upstream = Upstream(keys)
    throttle = SharedThrottle(database.pool, fingerprints(keys), None)
    order = _order(folder, epic, n)
    try:
        yield GatewaySession(order, journal, token="token", recorded=(), upstream=upstream, terms=Terms(), throttle=throttle)
    finally:
        await upstream.close()


def _order(folder: Path, epic: str, n: int) -> Order:
    workflow = Workflow(
        name="implement",
        description="",
        output=ChangeReport,
        prompt="",
        tools=(),
        limits=Limits(turns=10_000, seconds=3_600),
        boundaries=Boundaries(),
        on_crash="retry",
        executor=None,
        models=(),
        mcp_servers={},
        content_hash="",
        folder=folder,
    )
    return Order(
        epic=epic,
        attempt=n,
        workflow=workflow,
        brief="",
        tree=folder,
        models=(f"anthropic:{_MODEL}",),
        allowed_paths=("**",),
        forbidden_paths=(),
        environment={},
        folder=folder / "attempt",
    )


@contextmanager
def _provider() -> Iterator[str]:
    """A provider in a process of its own, that thinks for no time at all."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_provide, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _provide(told: Connection) -> None:
    config = uvicorn.Config(_answer, host="127.0.0.1", port=0, lifespan="off", log_level="error", http="h11")
    listening = config.bind_socket()
    # uvicorn makes its socket in a way in which asyncio leaves Nagle's algorithm on: the first event would wait some 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    told.send(listening.getsockname()[1])
    uvicorn.Server(config).run(sockets=[listening])


async def _answer(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    del scope
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for event in _events(len(json.loads(body)["messages"])):
        raw = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        await send({"type": "http.response.body", "body": raw, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _events(number: int) -> Iterator[dict[str, Any]]:
    begun = {"id": "msg", "type": "message", "role": "assistant", "model": _MODEL, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": {**begun, "usage": {"input_tokens": 20_000, "output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I read it."}}
    yield {"type": "content_block_stop", "index": 0}
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Read", "input": {}}
    yield {"type": "content_block_start", "index": 1, "content_block": call}
    yield {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"file_path": "a.txt"}'}}
    yield {"type": "content_block_stop", "index": 1}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 40}}
    yield {"type": "message_stop"}


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
