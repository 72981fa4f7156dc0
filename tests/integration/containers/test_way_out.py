"""The way out of a container: named hosts can be reached, everything else cannot, and what was tried is noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agents.workflow import Network
from executors.containers.egress import Egress
from tests.fakes.container_agents import Agent
from tests.fakes.journal import MemoryJournal


@pytest.fixture
async def upstream() -> AsyncGenerator[int]:
    """A web server that says what it was asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nasked: " + head)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def resolve(host: str, port: int) -> list[str]:
    del port
    return {"public.example": ["127.0.0.1"], "private.example": ["10.0.0.7"], "both.example": ["93.184.216.34", "127.0.0.1"]}[host]


async def ask(path: Path, request: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(request.encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_a_listed_host_is_reached_by_a_tunnel_and_by_plain_http(upstream, tmp_path):
    journal = MemoryJournal()
    path = tmp_path / "e.sock"

    async with Egress(["public.example"], journal, resolve=resolve, allow_private=True).listen(path):
        tunnel = await ask(path, f"CONNECT public.example:{upstream} HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n")
        plain = await ask(path, f"GET http://public.example:{upstream}/a?b HTTP/1.1\r\nProxy-Connection: x\r\nAccept: y\r\n\r\n")

    assert tunnel.startswith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
    assert tunnel.endswith("asked: GET /in HTTP/1.1\r\n\r\n")
    assert f"asked: GET /a?b HTTP/1.1\r\nHost: public.example:{upstream}\r\nConnection: close\r\nAccept: y\r\n\r\n" in plain
    assert journal.notes == []


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1", "public.example.evil.example", "localhost"])
async def test_a_host_that_is_not_listed_is_refused_and_noted_with_how_often(upstream, tmp_path, host):
    journal = MemoryJournal()
    path = tmp_path / "e.sock"

    async with Egress(["public.example"], journal, resolve=resolve, allow_private=True).listen(path):
        answers = [await ask(path, f"CONNECT {host}:{upstream} HTTP/1.1\r\n\r\n") for _ in range(3)]

    assert all(answer.startswith("HTTP/1.1 403") for answer in answers)
    assert journal.notes == [("egress_denied", {"host": host, "port": upstream, "times": times}) for times in (1, 3)]


async def test_an_agent_that_tries_hosts_without_end_does_not_fill_the_record(tmp_path):
    journal = MemoryJournal()
    path = tmp_path / "e.sock"

    async with Egress([], journal).listen(path):
        for n in range(120):
            await ask(path, f"CONNECT h{n}.example:443 HTTP/1.1\r\n\r\n")

    assert [data["host"] for _, data in journal.notes] == [*(f"h{n}.example" for n in range(50)), "(others)", "(others)"]
    assert journal.notes[-1][1]["times"] == 70


async def test_an_agent_that_opens_connections_without_end_gets_no_more_than_a_few(tmp_path):
    path = tmp_path / "e.sock"

    async with Egress([], MemoryJournal()).listen(path):
        opened = [await asyncio.open_unix_connection(str(path)) for _ in range(100)]
        turned_away = await asyncio.gather(*(reader.read() for reader, _ in opened[64:]))
        for _, writer in opened:
            writer.close()

    assert set(turned_away) == {b""}


@pytest.mark.parametrize("host", ["private.example", "both.example"])
async def test_a_listed_name_that_leads_into_a_private_network_is_refused(tmp_path, host):
    journal = MemoryJournal()
    path = tmp_path / "e.sock"

    async with Egress([host], journal, resolve=resolve).listen(path):
        answer = await ask(path, f"CONNECT {host}:443 HTTP/1.1\r\n\r\n")

    assert answer.startswith("HTTP/1.1 403")
    assert [kind for kind, _ in journal.notes] == ["egress_denied"]


@pytest.mark.parametrize(
    "request_", ["GET / HTTP/1.1\r\n\r\n", "CONNECT x HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET https://x/ HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_request_to_a_proxy_is_told_so(tmp_path, request_):
    path = tmp_path / "e.sock"

    async with Egress(["x"], MemoryJournal()).listen(path):
        answer = await ask(path, request_)

    assert answer.startswith("HTTP/1.1 400")


TRIES = """
def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except Exception as error:
        return str(error)
gateway = urllib.request.urlopen(os.environ["GATEWAY"]).read().decode()
say(fetch("http://not-listed.example/"), "|", os.environ.get("HTTP_PROXY"), "|", gateway)
"""


@pytest.mark.docker
async def test_a_container_with_a_list_has_the_proxy_and_still_reaches_the_gateway(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home", TRIES, network=Network(mode="allowlist", hosts=("listed.example",)))

    lines, _ = await agent.run(launcher_of(agent.home))

    assert lines == ["HTTP Error 403: Forbidden | http://127.0.0.1:3128 | gateway"]
    assert ("egress_denied", {"host": "not-listed.example", "port": 80, "times": 1}) in agent.journal.notes


@pytest.mark.docker
async def test_a_container_without_a_list_has_no_way_out_at_all(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home", TRIES)

    lines, _ = await agent.run(launcher_of(agent.home))

    assert "403" not in lines[0]
    assert lines[0].endswith("| None | gateway")
