"""The gateway, called over its own HTTP before a provider that plays a script."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import httpx2
import pytest

from epics.errors import StoreUnavailable
from executors.gateway.conversation import conversation_of
from executors.port import Said
from tests.fakes.gateway import BRIEF, ENDS, KEY, MODEL, NAME, TOKEN, WRITES, events_in, gateway
from tests.fakes.journal import MemoryJournal
from tests.fakes.model_server import Fault
from tests.fakes.orders import order


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture(params=["loopback", "socket"])
def socket(request, tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "gw.sock" if request.param == "socket" else None


async def test_a_conversation_is_passed_on_journaled_and_paid_for(tmp_path, journal, socket):
    async with gateway(tmp_path, journal, socket=socket) as scene:
        first = (await scene.caller.ask()).json()
        scene.caller.hear(first, "written")
        second = (await scene.caller.ask()).json()
        scene.caller.hear(second)
        await scene.session.finish([scene.caller.messages[-1]])

        assert scene.session.ledger.turns == 2
        assert sum(scene.session.ledger.costs) == scene.server.cost_usd == journal.spent
    turns = await journal.turns()
    assert conversation_of(turns) == scene.caller.messages
    assert [turn.tree for turn in turns] == ["snapshot-1", "snapshot-2"]
    assert ("tool_called", "write_file", "a.txt", True) in [
        (kind, said.get("tool"), said.get("on"), said.get("ok")) for kind, said in journal.notes
    ]


async def test_text_comes_while_the_provider_still_speaks_and_tools_only_when_the_answer_is_recorded(tmp_path, journal, socket):
    pause = [Fault(kind="pause", seconds=30)]
    async with gateway(tmp_path, journal, WRITES, ENDS, faults=pause, socket=socket) as scene:
        caller = scene.caller
        async with caller.client.stream(
            "POST", f"{caller.url}/v1/messages", json=caller.body(stream=True), headers={"authorization": f"Bearer {TOKEN}"}
        ) as answer:
            chunks = answer.aiter_raw()
            got = b""
            while b"text_delta" not in got:
                got += await anext(chunks)

            assert journal.log == ["reserved"]
            assert b"content_block_stop" not in got or b'"index": 1' not in got.split(b"content_block_stop")[1]
            scene.server._closing.set()
            while b"input_json_delta" not in got or b"message_stop" not in got:
                got += await anext(chunks)
                if b"message_delta" not in got:
                    assert [event for event in events_in(got[: got.rindex(b"\n\n") + 2]) if _ends_a_tool(event)] == []

        assert "answered 1" in journal.log
    assert [event["type"] for event in events_in(got)][-2:] == ["message_delta", "message_stop"]


def _ends_a_tool(event):
    return event["type"] == "content_block_stop" and event["index"] == 1


async def test_the_tools_of_an_answer_that_cannot_be_recorded_never_run(tmp_path, journal):
    journal.raises["answered"] = StoreUnavailable("the database does not answer")
    async with gateway(tmp_path, journal) as scene:
        got = (await scene.caller.ask(stream=True)).content

        assert not any(_ends_a_tool(event) for event in events_in(got))
        assert events_in(got)[-1]["type"] == "error"
        assert isinstance(scene.session.failed, StoreUnavailable)
        assert scene.session.refused.is_set()


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "another"}, {"authorization": "Bearer another"}, {"authorization": TOKEN}])
async def test_who_has_not_the_token_gets_nothing(tmp_path, journal, headers):
    async with gateway(tmp_path, journal) as scene:
        caller = scene.caller
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            answer = await caller.client.post(f"{caller.url}{path}", json=caller.body(), headers=headers)

            assert answer.status_code == 401
            assert answer.json()["error"]["type"] == "authentication_error"
        assert scene.server.requests == []


async def test_there_is_nothing_else(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        client, url = scene.caller.client, scene.caller.url

        assert (await client.head(url)).status_code == 200
        assert (await client.get(f"{url}/api/hello")).status_code == 200
        assert (await client.post(f"{url}/v1/files", headers={"x-api-key": TOKEN})).status_code == 404
        assert (await client.get(f"{url}/v1/messages", headers={"x-api-key": TOKEN})).status_code == 404


async def test_tokens_are_counted_for_nothing(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        caller = scene.caller
        answer = await caller.client.post(f"{caller.url}/v1/messages/count_tokens", json=caller.body(), headers={"x-api-key": TOKEN})

        assert answer.json()["input_tokens"] > 0
        assert journal.log == []


async def test_the_real_key_reaches_the_provider_and_is_recorded_nowhere(tmp_path, journal):
    async with gateway(tmp_path, journal, faults=[Fault(kind="500")]) as scene:
        answer = await scene.caller.ask()
        scene.caller.hear(answer.json())
        await scene.session.finish()
        sent = {name.lower(): value for name, value in scene.server.headers[-1].items()}

    assert sent["x-api-key"] == KEY
    assert TOKEN not in json.dumps(sent)
    recorded = repr((await journal.turns(), journal.notes, journal.released, answer.text, answer.headers, scene.session.ledger))
    assert KEY not in recorded
    assert TOKEN not in recorded


@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_that_comes_again_gets_the_recorded_answer(tmp_path, journal, stream):
    async with gateway(tmp_path, journal) as scene:
        first = (await scene.caller.ask()).json()

        again = await scene.caller.ask(stream=stream)

        assert len(scene.server.requests) == 1
        if not stream:
            assert again.json() == first
    async with gateway(tmp_path, journal) as other:
        after = (await other.caller.ask()).json()
        assert other.server.requests == []
    assert after == first


async def test_a_cli_that_begins_anew_gets_the_answer_that_has_no_results_yet(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        first = (await scene.caller.ask()).json()
    async with gateway(tmp_path, journal) as scene:
        said = [{"role": "assistant", "content": "No response requested."}, {"role": "user", "content": "Go on."}]
        scene.caller.messages += said

        given = (await scene.caller.ask()).json()
        scene.caller.hear(given, "written")
        ended = await scene.caller.ask()

        assert given == first
        assert ended.status_code == 200
        assert len(scene.server.requests) == 1
    assert journal.log.count("answered 1") == 1
    assert "completed 1 changed" in journal.log


async def test_a_cli_that_got_the_beginning_of_a_recorded_answer_gets_the_rest_of_it(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        first = (await scene.caller.ask()).json()
    cut = [
        {"role": "assistant", "content": [first["content"][0]]},
        {"role": "user", "content": "Your response above was cut off mid-stream. Resume directly from where it stops."},
    ]
    async with gateway(tmp_path, journal) as scene:
        scene.caller.messages += cut
        given = (await scene.caller.ask()).json()
        scene.caller.hear(given)
        after = await scene.caller.ask()

        assert given["content"] == first["content"][1:]
        assert after.status_code == 200
        assert [request["sold"] for request in scene.server.requests] == [True]
    assert conversation_of(await journal.turns())[:-1] == scene.caller.messages


@pytest.mark.parametrize(
    "limit, kind", [(Decimal("0.001"), "budget"), (None, "turns"), (None, "timeout"), (None, "model"), (None, "cancelled")]
)
async def test_a_call_beyond_a_limit_is_refused_and_so_is_every_other(tmp_path, limit, kind):
    journal = MemoryJournal(limit_usd=limit)
    asked = order(tmp_path, models=(MODEL,), turns=0 if kind == "turns" else 5, seconds=0.0 if kind == "timeout" else 60.0)
    async with gateway(tmp_path, journal, asked=asked) as scene:
        if kind == "cancelled":
            scene.session.stop("cancelled", "a person stopped it")
        answer = await scene.caller.ask(model="claude-opus-4" if kind == "model" else NAME)
        later = await scene.caller.ask()

        assert scene.session.refusal is not None
        assert scene.session.refusal.kind == kind
        assert scene.session.refused.is_set()
        assert (answer.status_code, answer.headers["x-should-retry"]) == (400, "false")
        assert answer.json()["error"]["message"] == later.json()["error"]["message"] == f"genie: {scene.session.refusal.said}"
        assert scene.server.requests == []


async def test_the_results_of_the_last_turn_are_recorded_though_no_other_follows(tmp_path, journal):
    async with gateway(tmp_path, journal, asked=order(tmp_path, models=(MODEL,), turns=1)) as scene:
        scene.caller.hear((await scene.caller.ask()).json(), "written")
        refused = await scene.caller.ask()

        assert refused.status_code == 400
    (turn,) = await journal.turns()
    assert turn.results == {"protocol": "anthropic", "messages": scene.caller.messages[-1:]}
    assert turn.tree == "snapshot-1"


async def test_near_a_limit_the_output_is_lowered_to_what_fits(tmp_path):
    journal = MemoryJournal(limit_usd=Decimal("0.04"))
    async with gateway(tmp_path, journal) as scene:
        await scene.caller.ask(max_tokens=32_000, thinking={"type": "enabled", "budget_tokens": 31_999})

        sent = scene.server.bodies[0]
        assert 300 <= sent["max_tokens"] < 3_000
        assert "thinking" not in sent or sent["thinking"]["budget_tokens"] < sent["max_tokens"]
        assert scene.session.ledger.shortened


async def test_of_calls_side_by_side_one_is_bought(tmp_path):
    journal = MemoryJournal(limit_usd=Decimal("0.1"))
    async with gateway(tmp_path, journal, *[WRITES] * 20, asked=order(tmp_path, models=(MODEL,), turns=30)) as scene:

        async def one(n: int) -> None:
            await scene.caller.ask(messages=[{"role": "user", "content": f"{BRIEF} {n}"}], max_tokens=1_000)

        await asyncio.gather(*(one(n) for n in range(20)))

        # The tools of its answer run: whoever calls meanwhile is not the CLI.
        assert scene.server.answered() == 1
        assert journal.spent == scene.server.cost_usd <= Decimal("0.1")


@pytest.mark.parametrize("kind", ["429", "500", "529"])
async def test_what_may_pass_is_tried_again_here(tmp_path, journal, kind):
    waits = []

    class Told:
        async def turn(self, provider, told):
            pass

        async def told_to_wait(self, provider, seconds):
            waits.append((provider, seconds))

    async with gateway(tmp_path, journal, faults=[Fault(kind=kind, times=2, retry_after_s=7)], throttle=Told()) as scene:
        answer = await scene.caller.ask()

        assert answer.status_code == 200
        assert waits == [("anthropic", 7.0)] * 2
        assert len(journal.released) == 2
        assert journal.held == {}
        assert [said["try"] for kind, said in journal.notes if kind == "model_failed"] == [1, 2]


@pytest.mark.parametrize("kind, refused", [("401", "provider"), ("500", "unavailable")])
async def test_a_provider_that_does_not_answer_ends_the_attempt(tmp_path, journal, kind, refused):
    async with gateway(tmp_path, journal, faults=[Fault(kind=kind, times=9)]) as scene:
        answer = await scene.caller.ask()

        assert (answer.status_code, answer.headers["x-should-retry"]) == (400, "false")
        assert scene.session.refusal is not None
        assert scene.session.refusal.kind == refused
        assert len(scene.server.requests) == (1 if kind == "401" else 3)
        assert journal.held == {}


async def test_a_conversation_that_is_too_long_is_the_clis_to_shorten(tmp_path, journal):
    async with gateway(tmp_path, journal, faults=[Fault(kind="too_long")]) as scene:
        answer = await scene.caller.ask()

        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("prompt is too long")
        assert scene.session.refusal is None
        assert (await scene.caller.ask()).status_code == 200


async def test_the_next_model_answers_where_the_first_does_not(tmp_path, journal):
    asked = order(tmp_path, models=(MODEL, "anthropic:claude-haiku-4-5"))
    async with gateway(tmp_path, journal, asked=asked, faults=[Fault(kind="529", times=3, model=NAME)]) as scene:
        first = (await scene.caller.ask()).json()
        scene.caller.hear(first)
        await scene.caller.ask()

        assert [request["model"] for request in scene.server.requests] == [NAME] * 3 + ["claude-haiku-4-5"] * 2
        assert scene.session.ledger.model == "anthropic:claude-haiku-4-5"
        assert [said["to"] for kind, said in journal.notes if kind == "model_fell_back"] == ["anthropic:claude-haiku-4-5"]


@pytest.mark.parametrize("kind", ["drop", "break_off"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_breaks_off_is_told_and_may_be_charged(tmp_path, journal, kind, stream):
    async with gateway(tmp_path, journal, faults=[Fault(kind=kind)]) as scene:
        broken = await scene.caller.ask(stream=stream)

        if stream:
            assert events_in(broken.content)[-1]["error"]["type"] == "overloaded_error"
        else:
            assert broken.status_code == 529
        assert len(journal.held) == 1
        assert (await scene.caller.ask()).status_code == 200
        assert scene.session.refusal is None


async def test_answers_that_keep_breaking_off_end_the_attempt(tmp_path, journal):
    async with gateway(tmp_path, journal, faults=[Fault(kind="drop", times=9)]) as scene:
        for _ in range(3):
            await scene.caller.ask(stream=True)

        assert scene.session.refusal is not None
        assert scene.session.refusal.kind == "unavailable"


async def test_a_cli_that_goes_away_ends_the_call(tmp_path, journal):
    async with gateway(tmp_path, journal, faults=[Fault(kind="pause", seconds=30)]) as scene:
        caller = scene.caller
        request = caller.client.stream("POST", f"{caller.url}/v1/messages", json=caller.body(stream=True), headers={"x-api-key": TOKEN})
        async with request as answer:
            await anext(answer.aiter_raw())
        again = asyncio.create_task(caller.ask())

        assert (await again).status_code == 200  # It did not wait for the first.
        assert len(journal.held) == 1


async def test_an_end_in_the_middle_of_a_call_leaves_nothing(tmp_path, journal, socket):
    async with gateway(tmp_path, journal, faults=[Fault(kind="hang", seconds=30)], socket=socket) as scene:
        asking = asyncio.create_task(scene.caller.ask())
        while not scene.server.requests:
            await asyncio.sleep(0.01)
    with pytest.raises(httpx2.HTTPError):
        await asking

    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("gateway", "close-turn"))] == []
    assert socket is None or not socket.exists()


async def test_what_a_person_said_is_heard_by_the_turn_that_has_it(tmp_path, journal):
    said = Said(n=3, text="Use tabs.", by="ann")
    async with gateway(tmp_path, journal) as scene:
        first = (await scene.caller.ask()).json()
        scene.session.sent(said, "A person says: Use tabs.")
        scene.caller.hear(first, "written\n\nA person says: Use tabs.")
        await scene.caller.ask()

    assert [turn.heard for turn in await journal.turns()] == [(), (3,)]


async def test_an_alias_of_the_workflow_may_be_asked(tmp_path, journal):
    import dataclasses

    plain = order(tmp_path, models=(MODEL,))
    asked = dataclasses.replace(plain, workflow=dataclasses.replace(plain.workflow, aliases={"fast": "anthropic:claude-haiku-4-5"}))
    async with gateway(tmp_path, journal, asked=asked) as scene:
        await scene.caller.ask(model="fast")

        assert scene.server.requests[0]["model"] == "claude-haiku-4-5"
        assert (await journal.turns())[0].model == "anthropic:claude-haiku-4-5"


async def test_a_call_beside_the_conversation_waits_for_no_tool(tmp_path, journal):
    async with gateway(tmp_path, journal, WRITES, ENDS) as scene:
        first = (await scene.caller.ask()).json()
        aside = await scene.caller.ask(messages=[{"role": "user", "content": "Workflow: implement, a title?"}], tools=[])
        scene.caller.hear(first)
        after = await scene.caller.ask()

        assert aside.status_code == 400
        assert scene.session.refusal is None
        assert after.status_code == 200


async def test_an_agent_may_not_send_the_provider_into_the_network(tmp_path, journal):
    async with gateway(tmp_path, journal) as scene:
        answer = await scene.caller.ask(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}])

        assert answer.status_code == 400
        assert scene.server.requests == []
        assert journal.log == []
