"""Journaled turns as people read them: what was said, which tools were called, what they gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from executors.gateway.conversation import PROTOCOL, calls_in, results_in, text_of
from executors.port import Turn
from executors.tool_names import genie_name

_TAIL = 3_000
_TAIL_TURNS = 4


def readable(turn: Turn) -> dict[str, Any]:
    """One turn as {n, model, answer_text, tool_calls: [{name, args}], results: [{name, content}], tree}."""
    if isinstance(turn.request, Mapping) and turn.request.get("protocol") == PROTOCOL:
        return {"n": turn.n, "model": turn.model, **_through_gateway(turn.answer, turn.results), "tree": turn.tree}
    parts = _parts(turn.answer)
    if not parts and isinstance(turn.answer, Mapping):
        return {"n": turn.n, "model": turn.model, **_played(turn.answer, turn.results), "tree": turn.tree}
    return {
        "n": turn.n,
        "model": turn.model,
        "answer_text": "\n".join(str(part.get("content", "")) for part in parts if part.get("part_kind") == "text"),
        "tool_calls": [
            {"name": part.get("tool_name", ""), "args": part.get("args")} for part in parts if part.get("part_kind") == "tool-call"
        ],
        "results": [
            {"name": part.get("tool_name", ""), "content": part.get("content")}
            for part in _parts(turn.results)
            if part.get("part_kind") in {"tool-return", "retry-prompt"}
        ],
        "tree": turn.tree,
    }


def tail_of(turns: Iterable[Turn]) -> str:
    """The end of what happened in an attempt, capped, for the analysis of its failure."""
    lines: list[str] = []
    for turn in tuple(turns)[-_TAIL_TURNS:]:
        seen = readable(turn)
        if seen["answer_text"]:
            lines.append(f"turn {turn.n} said: {seen['answer_text'][:500]}")
        lines.extend(f"turn {turn.n} called {call['name']}({str(call['args'])[:200]})" for call in seen["tool_calls"])
        lines.extend(f"turn {turn.n} got from {result['name']}: {str(result['content'])[:600]}" for result in seen["results"])
    return "\n".join(lines)[-_TAIL:]


def _parts(message: Any) -> list[Mapping[str, Any]]:  # JSON of the executor's own
    """The parts of a message; a list of messages counts as one."""
    if isinstance(message, list):
        return [part for each in message for part in _parts(each)]
    if isinstance(message, Mapping):
        parts = message.get("parts")
        return [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return []


def _through_gateway(answer: Mapping[str, Any], results: Any) -> dict[str, Any]:  # JSON of the Messages API
    """The words, calls and results of a turn of a CLI, with Genie's names for its tools."""
    calls = calls_in(answer)
    names = {key: genie_name(str(call.get("name", ""))) for key, call in calls.items()}
    got = results_in(results["messages"]) if isinstance(results, Mapping) else {}
    return {
        "answer_text": text_of(answer),
        "tool_calls": [{"name": names[key], "args": call.get("input")} for key, call in calls.items()],
        "results": [{"name": names[key], "content": text_of(result)} for key, result in got.items() if key in names],
    }


def _played(answer: Mapping[str, Any], results: Any) -> dict[str, Any]:  # JSON of the scripted executor
    """The words, calls and results of a turn that was played from a script."""
    calls = [{"name": call["tool"], "args": call["arguments"]} for call in answer.get("calls", ())]
    said = results if isinstance(results, list) else []
    if answer.get("output") is not None:
        calls.append({"name": "final_result", "args": answer["output"]})
    return {
        "answer_text": str(answer.get("say", "")),
        "tool_calls": calls,
        "results": [{"name": call["name"], "content": content} for call, content in zip(calls, said, strict=False)],
    }
