"""What a gateway does where something else goes wrong than a call: its journal, another worker, an agent that calls without end."""

from __future__ import annotations

import asyncio

import pytest

from epics.errors import GitFailed, LeaseLost
from tests.fakes.gateway import TOKEN, gateway
from tests.fakes.journal import MemoryJournal


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


async def test_where_no_snapshot_can_be_taken_nothing_more_is_bought(tmp_path, journal):
    journal.raises["completed"] = GitFailed("the snapshot did not end in time")
    async with gateway(tmp_path, journal) as scene:
        scene.caller.hear((await scene.caller.ask()).json())
        for _ in range(3):
            await scene.caller.ask()

        assert isinstance(scene.session.failed, GitFailed)
        assert scene.session.refused.is_set()
        assert len(scene.server.requests) == 2


async def test_a_worker_that_lost_the_epic_does_not_end_the_cli_of_the_next(tmp_path, journal):
    journal.raises["reserve"] = LeaseLost("another worker has it")
    async with gateway(tmp_path, journal) as scene:
        answer = await scene.caller.ask()

        assert isinstance(scene.session.failed, LeaseLost)
        assert answer.status_code >= 500
        assert "x-should-retry" not in answer.headers


async def test_the_socket_of_the_worker_that_took_over_stays(tmp_path, journal, tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "gw.sock"
    first, second = (gateway(tmp_path, each, socket=path) for each in (journal, MemoryJournal()))
    await first.__aenter__()
    async with second as scene:
        await first.__aexit__(None, None, None)

        assert (await scene.caller.ask()).status_code == 200
    assert not path.exists()


async def test_a_command_of_the_agent_buys_nothing_while_it_runs(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        caller = scene.caller
        await caller.ask()
        own = {**caller.body(), "messages": [{"role": "user", "content": "Workflow: implement\n\nSomething else."}]}
        answer = await caller.client.post(f"{caller.url}/v1/messages", json=own, headers={"x-api-key": TOKEN})

        assert answer.status_code == 400
        assert "while tools run" in answer.text
        assert len(scene.server.requests) == 1
        assert (await journal.turns())[-1].results is None
        assert scene.session.refusal is None


async def test_an_agent_that_opens_connections_without_end_gets_no_more_than_a_few(tmp_path, journal, tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "gw.sock"
    async with gateway(tmp_path, journal, socket=path) as scene:
        opened = [await asyncio.open_unix_connection(str(path)) for _ in range(100)]
        ended = await asyncio.gather(*(_ends(reader) for reader, _ in opened))
        for _, writer in opened:
            writer.close()

        assert 0 < sum(not each for each in ended) < 50
        assert (await scene.caller.ask()).status_code == 200


async def _ends(reader):
    try:
        async with asyncio.timeout(0.5):
            return await reader.read() == b""
    except TimeoutError:
        return False


class _SlowSnapshots(MemoryJournal):
    """Records results when it is let."""

    def __init__(self):
        super().__init__()
        self.may_end = asyncio.Event()

    async def completed(self, n, *, results, changed):
        await self.may_end.wait()
        await super().completed(n, results=results, changed=changed)


async def test_a_whole_answer_is_recorded_although_nobody_waits_for_it_any_more(tmp_path):
    journal = _SlowSnapshots()
    async with gateway(tmp_path, journal) as scene:
        scene.caller.hear((await scene.caller.ask()).json())
        asking = asyncio.create_task(scene.caller.ask())
        async with asyncio.timeout(10):
            while len(scene.server.requests) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        asking.cancel()
        await asyncio.sleep(0.1)
        journal.may_end.set()

        again = await scene.caller.ask()

        assert again.json() == (await journal.turns())[1].answer
        assert len(scene.server.requests) == 2
