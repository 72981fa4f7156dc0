"""Where a CLI begins, and the record that it is given of what was said before."""

from __future__ import annotations

import json

import pytest

from executors.claude.beginnings import GO_ON, beginning_of
from executors.claude.transcripts import write_transcript
from executors.port import Turn
from tests.fakes.orders import order

SESSION = "22222222-2222-4222-8222-222222222222"
BRIEF = {"role": "user", "content": [{"type": "text", "text": "Workflow: implement", "cache_control": {"type": "ephemeral"}}]}


def call(n):
    return [{"type": "tool_use", "id": f"t{n}", "name": "Bash", "input": {"command": "true"}}]


def result(n):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "ok"}]}


def turns(count, *, last_has_results=True):
    return tuple(
        Turn(
            n=n,
            request_hash="",
            model="anthropic:m",
            request={"protocol": "anthropic", "kept": 0 if n == 1 else 2 * n - 1, "messages": [BRIEF] if n == 1 else []},
            answer={"content": call(n)},
            results={"protocol": "anthropic", "messages": [result(n)]} if n < count or last_has_results else None,
        )
        for n in range(1, count + 1)
    )


def written(folder, messages):
    return folder / write_transcript(messages, config=folder, cwd="/w", session=SESSION, model="m")


def roles(beginning):
    return [message["role"] for message in beginning.messages]


def test_a_new_attempt_begins_with_its_brief(tmp_path):
    asked = order(tmp_path)

    beginning = beginning_of(asked, ())

    assert (beginning.messages, beginning.prompt) == ((), asked.brief)


def test_a_first_turn_without_results_is_asked_for_again_with_the_same_request(tmp_path):
    asked = order(tmp_path)

    assert beginning_of(asked, turns(1, last_has_results=False)) == beginning_of(asked, ())


def test_an_answer_without_results_is_left_to_the_gateway(tmp_path):
    beginning = beginning_of(order(tmp_path), turns(2, last_has_results=False))

    assert roles(beginning) == ["user", "assistant", "user"]
    assert beginning.prompt == GO_ON


def test_a_whole_last_turn_is_in_the_conversation_with_its_results(tmp_path):
    beginning = beginning_of(order(tmp_path), turns(2))

    assert roles(beginning) == ["user", "assistant", "user", "assistant", "user"]


def test_an_attempt_that_continues_another_has_its_conversation_and_then_its_own_brief(tmp_path):
    asked = order(tmp_path, continues=turns(2))

    beginning = beginning_of(asked, ())

    assert roles(beginning) == ["user", "assistant", "user", "assistant", "user"]
    assert beginning.prompt == asked.brief


def test_turns_of_another_executor_are_no_conversation_of_a_cli(tmp_path):
    foreign = Turn(
        n=1, request_hash="", model="openai:m", request=[{"kind": "request", "parts": []}], answer={"kind": "response"}, results=[]
    )
    asked = order(tmp_path, continues=(foreign,))

    assert beginning_of(asked, ()).messages == ()


def test_each_line_of_a_transcript_names_the_one_before(tmp_path):
    messages = beginning_of(order(tmp_path), turns(2)).messages

    file = written(tmp_path, messages)

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["parentUuid"] for line in lines] == [None, *(line["uuid"] for line in lines[:-1])]
    assert {line["sessionId"] for line in lines} == {SESSION}
    assert [line["message"]["role"] for line in lines] == ["user", "assistant", "user", "assistant", "user"]


def test_marks_for_the_cache_are_left_out(tmp_path):
    file = written(tmp_path, [BRIEF])

    assert "cache_control" not in file.read_text()


@pytest.mark.parametrize("count", [1, 3])
def test_answers_have_what_the_cli_wants_of_them(tmp_path, count):
    file = written(tmp_path, beginning_of(order(tmp_path), turns(count)).messages)

    answers = [json.loads(line)["message"] for line in file.read_text().splitlines() if '"assistant"' in line]
    assert [(answer["stop_reason"], answer["model"]) for answer in answers] == [("tool_use", "m")] * count
