"""What is made of the lines that the CLI prints."""

from __future__ import annotations

import json

import pytest

from executors.claude.events import Watch, event_in
from tests.fakes.journal import MemoryJournal

INIT = {
    "type": "system",
    "subtype": "init",
    "claude_code_version": "2.1.330",
    "model": "claude-sonnet-4-5",
    "session_id": "s",
    "tools": ["Bash", "Read", "mcp__db__query"],
    "mcp_servers": [{"name": "db", "status": "connected"}, {"name": "web", "status": "failed"}],
}


def answer(name):
    return {"type": "assistant", "message": {"id": name, "content": []}}


def told(text):
    return {"type": "user", "message": {"role": "user", "content": text}}


async def seen(*events, known=()):
    journal = MemoryJournal()
    watch = Watch(journal, known=known)
    for event in events:
        await watch.see(event)
    return watch, journal


@pytest.mark.parametrize("line", [b"", b"not json", b"[1]", b"3", b'"x"', b"\xff\xfe"])
def test_a_line_that_is_no_event_is_passed_over(line):
    assert event_in(line) is None


def test_an_event_is_read():
    assert event_in(json.dumps(INIT).encode()) == INIT


async def test_people_are_told_what_began_and_which_server_did_not_come_up():
    _, journal = await seen(INIT)

    assert [kind for kind, _ in journal.notes] == ["agent_started", "mcp_server_started", "mcp_server_missing"]
    assert journal.notes[0][1]["tools"] == ["run_command", "read_file", "mcp__db__query"]
    assert journal.notes[2][1] == {"server": "web", "said": "failed"}


async def test_results_are_those_since_the_last_answer_though_its_blocks_come_one_by_one():
    watch, _ = await seen(answer("a"), told("1"), answer("b"), told("2"), answer("b"), told("3"))

    assert [message["content"] for message in watch.results] == ["2", "3"]


async def test_what_a_subagent_says_is_not_of_the_conversation():
    watch, _ = await seen(answer("a"), {**told("inner"), "parent_tool_use_id": "t"}, told("outer"))

    assert [message["content"] for message in watch.results] == ["outer"]


async def test_a_denial_is_told_by_genies_name_of_the_tool():
    _, journal = await seen({"type": "system", "subtype": "permission_denied", "tool_name": "Write", "message": "no\nway"})

    assert journal.notes == [("permission_denied", {"tool": "write_file", "said": "no way"})]


async def test_events_without_end_fill_neither_the_record_nor_the_memory():
    journal = MemoryJournal()
    watch = Watch(journal)
    for _ in range(600):
        await watch.see({"type": "system", "subtype": "permission_denied", "tool_name": "x" * 10_000})
        await watch.see({"type": "user", "message": {"content": "made up"}}, 1024 * 1024)

    assert len(journal.notes) == 500
    assert max(len(data["tool"]) for _, data in journal.notes) == 300
    assert len(watch.results) == 64


async def test_what_an_earlier_worker_has_noted_is_not_noted_again():
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "retry_delay_ms": 600}

    _, journal = await seen(INIT, retry, answer("a"), retry, known=("a",))

    assert journal.notes == [("agent_retry", {"try": 1, "status": None, "seconds": 0.6, "said": ""})]


async def test_one_that_began_in_the_middle_is_heard_from_its_first_new_answer():
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "retry_delay_ms": 600}

    watch, journal = await seen(INIT, retry, answer("c"), retry, known=("a", "b"))

    assert watch.is_live
    assert [kind for kind, _ in journal.notes] == ["agent_retry"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "new"},
        {"type": "user"},
        {"type": "assistant"},
        {"type": "system", "subtype": "init"},
        {"type": "system", "subtype": "init", "tools": "x", "mcp_servers": {"a": 1}},
        {"type": "system", "subtype": "api_retry", "retry_delay_ms": "soon"},
        {"type": "system", "subtype": "api_retry", "retry_delay_ms": 10**400, "attempt": float("nan"), "error_status": ["x"]},
    ],
    ids=str,
)
async def test_events_of_an_unknown_form_do_no_harm(event):
    watch, _ = await seen(event)

    assert watch.result is None
