"""Turns as people read them, whichever executor recorded them."""

from __future__ import annotations

import dataclasses

from engine.recovering import cut_in
from engine.transcript import readable, tail_of
from executors.port import Turn

CALLS = [
    {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "make"}},
    {"type": "tool_use", "id": "t2", "name": "mcp__db__query", "input": {"sql": "SELECT 1"}},
]
ANSWER = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I build it."}, *CALLS]}
RESULTS = [
    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "built"}, {"type": "image", "source": {}}]},
    {"type": "tool_result", "tool_use_id": "t2", "content": "1", "is_error": False},
]
TURN = Turn(
    n=4,
    request_hash="h",
    model="anthropic:claude-sonnet-4-5",
    request={"protocol": "anthropic", "kept": 3, "messages": []},
    answer=ANSWER,
    results={"protocol": "anthropic", "messages": [{"role": "user", "content": RESULTS}]},
    tree="c" * 40,
)


def test_a_turn_of_a_cli_is_told_by_genies_names():
    assert readable(TURN) == {
        "n": 4,
        "model": "anthropic:claude-sonnet-4-5",
        "answer_text": "I build it.",
        "tool_calls": [{"name": "run_command", "args": {"command": "make"}}, {"name": "mcp__db__query", "args": {"sql": "SELECT 1"}}],
        "results": [{"name": "run_command", "content": "built"}, {"name": "mcp__db__query", "content": "1"}],
        "tree": "c" * 40,
    }


def test_the_end_of_an_attempt_has_what_its_cli_did():
    told = tail_of([TURN])

    assert "turn 4 said: I build it." in told
    assert "turn 4 got from run_command: built" in told


def test_a_cut_command_of_a_cli_is_seen():
    row = {**dataclasses.asdict(TURN), "results": None, "heard": ()}

    cut = cut_in([row], read_only=("mcp__db__query",))

    assert cut is not None
    assert cut.tools == ("run_command",)
