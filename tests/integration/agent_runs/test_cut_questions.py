"""A tool of an agent's own that must not be made twice: after a crash the agent's `on_crash` says what becomes of it (rule 16)."""

from __future__ import annotations

import pytest

from tests.integration.agent_runs.conftest import plays

pytestmark = pytest.mark.postgres

SENDS = """from pathlib import Path
from epics.errors import StoreUnavailable
from tools.declaring import AgentTool, Arguments


class Send(Arguments):
    to: str


async def send(context, arguments):
    sent = Path({log!r})
    before = sent.read_text() if sent.exists() else ""
    sent.write_text(before + arguments.to)
    if not before:
        raise StoreUnavailable("the power went")
    return "sent"


SEND = AgentTool(name="send", description="Sends.", permission="network", arguments=Send, run=send, side_effect="outside",
    idempotency="never")
"""
ANSWERS = "    async def run(self, run):\n        return await run.ask()\n"
SENT = {"calls": [{"tool": "send", "arguments": {"to": "x"}}]}
ROSE = {"say": "A rose.", "ends": True}


@pytest.mark.parametrize("on_crash, status, did, times", [("retry", "done", "went_on", "xx"), ("park", "failed", "gave_up", "x")])
async def test_a_deed_that_nobody_may_do_twice_follows_what_its_agent_says(ask_agent, write_agent, tmp_path, on_crash, status, did, times):
    log = tmp_path / "sent"
    write_agent("poet", ANSWERS, imports=SENDS.format(log=str(log)), tools="(SEND,)", on_crash=repr(on_crash))

    run = await ask_agent("poet", plays(SENT, ROSE))
    view = await run.end()

    assert (view.status, log.read_text()) == (status, times)
    assert ("while it called send" in view.error) is (on_crash == "park")
    (recovered,) = [event for event in await run.engine.runs.events(run.id) if event.type == "attempt_recovered"]
    assert (recovered.data["did"], recovered.data["on_crash"], recovered.data["tools"]) == (did, on_crash, ["send"])
