"""Conversations: rebuilt from turns, whatever a CLI makes of its own."""

from __future__ import annotations

from executors.gateway.conversation import conversation_of, kept_of, tells, usage_of
from executors.port import Turn, Usage


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def called(key):
    return {"role": "assistant", "content": [{"type": "tool_use", "id": key, "name": "Read", "input": {}}]}


def gave(key):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": key, "content": "ok"}]}


def turn(n, kept, messages, answer, results=None, **more):
    request = {"protocol": "anthropic", "kept": kept, "messages": messages, **more}
    told = None if results is None else {"protocol": "anthropic", "messages": results}
    return Turn(n=n, request_hash="h", model="m", request=request, answer=answer, results=told)


def test_a_conversation_grows_by_what_each_request_adds():
    turns = [turn(1, 0, [user("a")], called("t1"), [gave("t1")]), turn(2, 2, [gave("t1")], said("b"))]

    assert conversation_of(turns) == [user("a"), called("t1"), gave("t1"), said("b")]


def test_the_last_results_are_in_it():
    assert conversation_of([turn(1, 0, [user("a")], called("t1"), [gave("t1")])]) == [user("a"), called("t1"), gave("t1")]


def test_a_compaction_begins_anew():
    turns = [turn(1, 0, [user("a")], said("b"), []), turn(2, 0, [user("in short")], said("c"), [])]

    assert conversation_of(turns) == [user("in short"), said("c")]


def test_what_the_cli_took_back_is_out_of_it():
    turns = [turn(1, 0, [user("a")], called("t1"), [gave("t1")]), turn(2, 1, [user("b")], said("c"), [])]

    assert conversation_of(turns) == [user("a"), user("b"), said("c")]


def test_a_call_beside_the_conversation_adds_nothing():
    turns = [turn(1, 0, [user("a")], said("b"), []), turn(2, 0, [user("title?")], said("A title"), [], aside=True)]

    assert conversation_of(turns) == [user("a"), said("b")]


def test_messages_are_kept_whatever_marks_they_bear():
    known = [user("a"), said("b"), gave("t1")]
    marked = {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}

    assert kept_of(known, [marked, said("b"), gave("t1"), user("c")]) == 3
    assert kept_of(known, [user("other"), said("b")]) == 0


def test_an_answer_is_known_by_its_calls():
    known = [user("a"), {**called("t1"), "content": [{"type": "thinking", "thinking": "x"}, *called("t1")["content"]]}]

    assert kept_of(known, [user("a"), called("t1")]) == 2
    assert kept_of(known, [user("a"), called("t2")]) == 1


def test_a_request_tells_of_an_answer_by_its_results_or_its_words():
    assert tells([user("a"), called("t1"), gave("t1")], called("t1"))
    assert not tells([user("a")], called("t1"))
    assert tells([user("a"), said("b"), user("c")], said("b"))
    assert not tells([user("a"), said("No response requested."), user("c")], said("b"))


def test_cached_tokens_are_among_the_input():
    seen = {"usage": {"input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30, "output_tokens": 4}}

    assert usage_of(seen) == Usage(input_tokens=240, output_tokens=4, cache_read_tokens=200, cache_write_tokens=30)
