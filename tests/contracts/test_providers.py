"""The in-process executor over the real clients of providers, against a loopback server that has their faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from pydantic_ai import models

from epics.errors import InvalidInput
from executors.in_process import InProcessExecutor
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.providers import Providers
from executors.retries import Retries
from executors.scripts import Script
from executors.terms import Terms
from tests.fakes.journal import MemoryJournal
from tests.fakes.model_server import Fault, ModelServer
from tests.fakes.orders import order

REPORT = {"summary": "done", "addressed": []}
SCRIPT = Script.model_validate(
    {
        "plays": [
            {
                "workflow": "implement",
                "turns": [
                    {"say": "First.", "write": {"a.txt": "one\n"}, "run": ["cat a.txt; echo ran >> runs.txt"]},
                    {"calls": [{"tool": "read_file", "arguments": {"path": "a.txt"}}]},
                    {"output": REPORT},
                ],
            }
        ]
    }
)
CLAUDE = "anthropic:claude-sonnet-5-5"
MODELS = [CLAUDE, "openai:gpt-5", "openai-chat:gpt-5"]


@pytest.fixture(autouse=True)
def loopback_is_asked():
    before = models.ALLOW_MODEL_REQUESTS
    models.ALLOW_MODEL_REQUESTS = True
    yield
    models.ALLOW_MODEL_REQUESTS = before


@pytest.fixture
def waits():
    return []


@pytest.fixture
def executor(waits):
    def make(server, *, throttle=None, **retries):
        async def sleep(seconds):
            waits.append(seconds)

        key = SecretStr("not-a-real-key")
        keys = ProviderKeys(
            providers={
                "anthropic": ProviderKey(key=key, base_url=server.url),
                "openai": ProviderKey(key=key, base_url=server.url + "/v1"),
            }
        )
        return InProcessExecutor(Providers(keys), terms=Terms(retries=Retries(sleep=sleep, **retries)), throttle=throttle)

    return make


class Remembering:
    """A throttle that lets every call through, and remembers what it heard."""

    def __init__(self):
        self.heard = []

    async def turn(self, provider, told):
        del told
        self.heard.append(provider)

    async def told_to_wait(self, provider, seconds):
        self.heard.append((provider, seconds))


@pytest.mark.parametrize("model", MODELS)
async def test_a_conversation_over_the_wire_ends_with_the_typed_output(executor, tmp_path, model):
    journal = MemoryJournal(limit_usd=Decimal(1))
    with ModelServer(SCRIPT) as server:
        outcome = await executor(server).run(order(tmp_path, models=(model,)), journal)

    assert (outcome.ended_by, outcome.output, outcome.turns, outcome.model) == ("done", REPORT, 3, model)
    assert (tmp_path / "a.txt").read_text() == "one\n"
    assert [request["answers"] for request in server.requests] == [0, 1, 2]
    assert outcome.cost_usd == journal.spent > 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("known, with_results", [(1, True), (1, False), (2, True), (3, False), (3, True)])
async def test_recovery_sends_exactly_what_an_undisturbed_run_would_have_sent(executor, tmp_path, model, known, with_results):
    first = MemoryJournal()
    with ModelServer(SCRIPT) as server:
        whole = await executor(server).run(order(tmp_path, models=(model,)), first)
        undisturbed, server.bodies = server.bodies, []

        again = await executor(server).run(order(tmp_path, models=(model,)), first.up_to(known, with_results=with_results))

    assert again == whole
    assert len(server.bodies) == 3 - known
    if with_results:
        assert server.bodies == undisturbed[known:]


async def test_the_key_and_only_the_listed_tools_are_sent(executor, tmp_path):
    with ModelServer(SCRIPT) as server:
        await executor(server).run(order(tmp_path, models=(CLAUDE,), tools=("read_file", "write_file")), MemoryJournal())

    assert server.requests[0]["tools"] == ["read_file", "write_file", "final_result"]
    assert server.bodies[0]["max_tokens"] == 16_384
    assert "Workflow: implement" in json.dumps(server.bodies[0]["messages"])


@pytest.mark.parametrize("kind", ["429", "500", "529", "502", "drop", "nonsense"])
@pytest.mark.parametrize("model", MODELS)
async def test_a_fault_that_passes_is_tried_again(executor, tmp_path, waits, kind, model):
    journal = MemoryJournal()
    with ModelServer(SCRIPT, faults=[Fault(kind=kind, times=2)]) as server:
        outcome = await executor(server).run(order(tmp_path, models=(model,)), journal)

    assert outcome.ended_by == "done"
    assert len(server.requests) == 5
    assert len(waits) == 2
    may_be_charged = kind in {"502", "drop", "nonsense"}
    assert (len(journal.held), len(journal.released)) == ((2, 0) if may_be_charged else (0, 2))


async def test_the_wait_that_a_provider_asks_for_is_kept_up_to_a_cap(executor, tmp_path, waits):
    faults = [Fault(kind="429", retry_after_s=7), Fault(kind="429", retry_after_s=100_000)]
    with ModelServer(SCRIPT, faults=faults) as server:
        await executor(server, longest_asked_wait_s=60).run(order(tmp_path, models=(CLAUDE,)), MemoryJournal())

    assert waits == [7, 60]


@pytest.mark.parametrize("model, provider", [(CLAUDE, "anthropic"), ("openai-chat:gpt-5", "openai")])
async def test_each_call_takes_its_turn_and_a_wait_is_told_to_all_workers(executor, tmp_path, model, provider):
    throttle = Remembering()
    with ModelServer(SCRIPT, faults=[Fault(kind="429", retry_after_s=7)]) as server:
        await executor(server, throttle=throttle).run(order(tmp_path, models=(model,)), MemoryJournal())

    assert throttle.heard == [provider, (provider, 7.0), *[provider] * 3]


async def test_tries_end_and_the_next_model_is_asked(executor, tmp_path):
    journal = MemoryJournal()
    faults = [Fault(kind="529", times=99, model="claude-sonnet-5-5")]
    with ModelServer(SCRIPT, faults=faults) as server:
        outcome = await executor(server, tries=3).run(order(tmp_path, models=(CLAUDE, "openai:gpt-5")), journal)

    assert (outcome.ended_by, outcome.model) == ("done", "openai:gpt-5")
    assert [request["model"] for request in server.requests] == ["claude-sonnet-5-5"] * 3 + ["gpt-5"] * 3
    assert [data["to"] for kind, data in journal.notes if kind == "model_fell_back"] == ["openai:gpt-5"]


@pytest.mark.parametrize(
    "kind, said",
    [("401", "check ANTHROPIC_API_KEY"), ("400", "this field is not right"), ("too_long", "too long for anthropic:claude-sonnet-5-5")],
)
async def test_what_trying_again_cannot_help_is_told_at_once(executor, tmp_path, kind, said):
    journal = MemoryJournal()
    with ModelServer(SCRIPT, faults=[Fault(kind=kind, times=9)]) as server:
        outcome = await executor(server).run(order(tmp_path, models=(CLAUDE,)), journal)

    assert (outcome.ended_by, outcome.error_kind, len(server.requests)) == ("error", "provider", 1)
    assert said in outcome.error
    assert "not-a-real-key" not in outcome.error
    assert journal.held == {}


async def test_a_provider_that_never_answers_well_ends_as_an_error(executor, tmp_path):
    with ModelServer(SCRIPT, faults=[Fault(kind="500", times=99)]) as server:
        outcome = await executor(server).run(order(tmp_path, models=(CLAUDE,)), MemoryJournal())

    assert (outcome.ended_by, outcome.error_kind, len(server.requests)) == ("error", "unavailable", 5)
    assert "after 5 tries" in outcome.error


async def test_a_provider_that_is_not_there_charges_nothing(executor, tmp_path):
    with ModelServer(SCRIPT) as server:
        pass
    journal = MemoryJournal()

    outcome = await executor(server, tries=2).run(order(tmp_path, models=(CLAUDE,)), journal)

    assert (outcome.ended_by, outcome.error_kind) == ("error", "unavailable")
    assert "could not be reached" in outcome.error
    assert (journal.held, len(journal.released)) == ({}, 2)


async def test_a_call_that_hangs_ends_with_the_attempt_and_keeps_its_reservation(executor, tmp_path):
    journal = MemoryJournal()
    with ModelServer(SCRIPT, faults=[Fault(kind="hang", seconds=20)]) as server:
        outcome = await executor(server).run(order(tmp_path, models=(CLAUDE,), seconds=0.5), journal)

    assert outcome.ended_by == "timeout"
    assert len(journal.held) == 1


async def test_an_answer_without_content_is_asked_for_again(executor, tmp_path):
    with ModelServer(SCRIPT, faults=[Fault(kind="empty")]) as server:
        outcome = await executor(server).run(order(tmp_path, models=(CLAUDE,)), MemoryJournal())

    assert outcome.ended_by in {"done", "error"}
    assert outcome.error_kind in {None, "no_output", "provider"}
    assert len(server.requests) >= 2 or outcome.ended_by == "error"


async def test_near_a_limit_the_answer_is_shortened(executor, tmp_path):
    with ModelServer(SCRIPT) as server:
        await executor(server).run(order(tmp_path, models=(CLAUDE,)), MemoryJournal(limit_usd=Decimal("0.10")))

    assert 1_024 <= server.requests[0]["max_tokens"] < 16_384


@pytest.mark.parametrize(
    "model, said",
    [
        ("claude", "no provider"),
        ("anthropic:", "no provider"),
        (":x", "no provider"),
        ("acme:model", "known are anthropic, openai"),
        ("openai:gpt-5", "set OPENAI_API_KEY"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_what_would_do(model, said):
    keys = ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr("k"))})

    with pytest.raises(InvalidInput, match=said):
        InProcessExecutor(Providers(keys)).check_models((CLAUDE, model))


def test_the_server_runs_as_a_process_and_its_log_survives_it(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps({**SCRIPT.model_dump(mode="json"), "faults": [{"kind": "429"}]}))
    program = Path(__file__).resolve().parents[1] / "fakes" / "model_server.py"
    argv = [sys.executable, str(program), "--port", "0", "--log", str(tmp_path / "log"), "--script", str(script)]
    body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Workflow: implement\n\nGo."}]}

    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={"PATH": os.defpath}) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answers = [httpx2.post(f"{url}/v1/messages", json=body) for _ in range(2)]
        process.kill()

    assert [answer.status_code for answer in answers] == [429, 200]
    assert answers[1].json()["content"][1]["name"] == "write_file"
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["n"], line["workflow"], line["sold"]) for line in lines] == [(1, "implement", False), (2, "implement", True)]
