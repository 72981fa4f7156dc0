"""The place of a CLI: to wait for it takes nothing from the attempt's time, and it is put away although the result is there already."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

from pydantic import SecretStr

from executors.claude.executor import ClaudeExecutor
from executors.claude.port import Exit
from executors.port import Turn
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.tool_names import FINAL
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order

SECONDS = 0.5


class _Process:
    """Says at once that it is done, or nothing at all."""

    adopted = False

    def __init__(self, *, is_done):
        self._is_done = is_done

    async def lines(self):
        if not self._is_done:
            await asyncio.Event().wait()
        yield json.dumps({"type": "result", "structured_output": {"summary": "done", "addressed": []}}).encode()

    async def say(self, line):
        del line

    async def close_input(self):
        pass

    async def wait(self):
        return Exit(code=0)

    async def kill(self):
        pass


class _BusyHost:
    """A launcher whose host has a place after a while."""

    def __init__(self, folder, *, wait_s, is_done):
        self.config = folder
        self.cwd = self.config_seen = str(folder)
        self.socket = None
        self._wait_s = wait_s
        self._is_done = is_done
        self.closed = 0

    def check(self):
        pass

    @asynccontextmanager
    async def seat(self, order, journal):
        del journal
        order.folder.mkdir(parents=True)
        yield self
        self.closed += 1

    async def lives(self, epic, attempt, owner):
        del epic, attempt, owner
        return False

    def base_url(self, address):
        return address

    async def alive(self):
        return None

    async def start(self, launch):
        del launch
        await asyncio.sleep(self._wait_s)
        return _Process(is_done=self._is_done)


async def _run(tmp_path, **host):
    return await _run_on(_BusyHost(tmp_path, **host), tmp_path, MemoryJournal())


async def _run_on(host, tmp_path, journal):
    keys = ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr("k"), base_url="http://127.0.0.1:9")})
    asked = order(tmp_path, models=("anthropic:m",), seconds=SECONDS)
    return await ClaudeExecutor("claude_docker", host, keys=keys).run(asked, journal)


async def test_waiting_for_a_place_takes_nothing_from_the_attempts_time(tmp_path):
    outcome = await _run(tmp_path, wait_s=SECONDS * 2, is_done=True)

    assert (outcome.ended_by, outcome.cost_usd) == ("done", Decimal(0)), outcome


async def test_one_that_is_at_work_has_its_time_and_no_more(tmp_path):
    outcome = await _run(tmp_path, wait_s=0, is_done=False)

    assert outcome.ended_by == "timeout"


async def test_the_cli_of_an_attempt_whose_result_is_recorded_is_put_away(tmp_path):
    call = {"type": "tool_use", "id": "t", "name": FINAL, "input": {"summary": "done", "addressed": []}}
    told = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "taken"}]}
    turn = Turn(
        n=1,
        request_hash="h",
        model="anthropic:m",
        request={"protocol": "anthropic", "kept": 0, "messages": [{"role": "user", "content": "x"}]},
        answer={"id": "a", "content": [call], "usage": {}},
        results={"protocol": "anthropic", "messages": [told]},
    )
    host = _BusyHost(tmp_path, wait_s=0, is_done=False)

    outcome = await _run_on(host, tmp_path, MemoryJournal((turn,)))

    assert outcome.ended_by == "done"
    assert host.closed == 1
