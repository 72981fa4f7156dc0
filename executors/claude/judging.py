"""How the run of a CLI ended: judged by its typed output and by what the gateway refused, never by its words or its exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from epics.errors import Environment
from executors.claude.port import Exit
from executors.gateway.refusals import Refusal
from executors.ledger import Ledger
from executors.port import EndedBy, ErrorKind, Outcome, Turn
from executors.tool_names import FINAL
from executors.usage import total

_LONGEST: Final = 300


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why there is no output."""

    ended_by: EndedBy
    said: str
    kind: ErrorKind | None = None
    cause: str = ""


_BY_REFUSAL: Final[Mapping[str, tuple[EndedBy, ErrorKind | None]]] = {
    "budget": ("budget", None),
    "turns": ("turns", None),
    "timeout": ("timeout", None),
    "cancelled": ("cancelled", None),
    "model": ("error", "provider"),
    "provider": ("error", "provider"),
    "unavailable": ("error", "unavailable"),
}


def judge(
    result: Mapping[str, Any] | None, refusal: Refusal | None, ledger: Ledger, output: type[BaseModel], ended: Exit | None
) -> BaseModel | Failure:
    """Return the typed output, or why there is none.

    Args:
        result: the last event of the CLI, if it came to one.
        refusal: why the gateway let no further call through.
        ledger: what the attempt has done.
        output: the type of the output.
        ended: how the CLI ended, where it came to no result.
    """
    found = _output_in(result, output)
    if isinstance(found, BaseModel):
        return found
    if refusal is not None:
        ended_by, kind = _BY_REFUSAL[refusal.kind]
        return Failure(ended_by=ended_by, said=refusal.said, kind=kind)
    if result is None:
        return _broken_off(ended)
    return _without_output(result, found, ledger)


def correction_of(result: Mapping[str, Any], output: type[BaseModel]) -> str | None:
    """Return what to tell an agent whose output fits the schema and not the type, whose rules a schema cannot say; None for any other."""
    if result.get("is_error") or result.get("structured_output") is None:
        return None
    found = _output_in(result, output)
    return f"The result cannot be accepted: {_line(found)}. Correct it, and call {FINAL} again." if isinstance(found, str) else None


def recorded_output(recorded: Sequence[Turn], output: type[BaseModel]) -> BaseModel | None:
    """Return the output that the last recorded turn handed back, if the CLI took it; the attempt is over then."""
    turns = [turn for turn in recorded if isinstance(turn.request, Mapping) and not turn.request.get("aside")]
    if not turns or turns[-1].results is None:
        return None
    accepted = {
        block.get("tool_use_id")
        for message in turns[-1].results["messages"]
        for block in (message["content"] if isinstance(message["content"], list) else ())
        if block.get("type") == "tool_result" and not block.get("is_error")
    }
    for block in turns[-1].answer["content"]:
        if block.get("type") == "tool_use" and block.get("name") == FINAL and block.get("id") in accepted:
            try:
                return output.model_validate(block.get("input"))
            except ValidationError:
                continue
    return None


def environment_failure(error: Environment) -> Failure:
    """Return the failure of an attempt that this machine does not let run."""
    return Failure(ended_by="error", said=str(error), kind="environment", cause=error.cause)


def outcome_of(ledger: Ledger, end: BaseModel | Failure) -> Outcome:
    """Return the outcome of the whole attempt."""
    common: dict[str, Any] = {
        "turns": ledger.turns,
        "usage": total(ledger.usages),
        "cost_usd": sum(ledger.costs, Decimal(0)),
        "model": ledger.model,
    }
    if isinstance(end, Failure):
        return Outcome(ended_by=end.ended_by, error=end.said, error_kind=end.kind, cause=end.cause, **common)
    return Outcome(ended_by="done", output=end.model_dump(mode="json"), **common)


def _output_in(result: Mapping[str, Any] | None, output: type[BaseModel]) -> BaseModel | str:
    if result is None or result.get("is_error") or result.get("structured_output") is None:
        return "it ended without handing back a result"
    try:
        return output.model_validate(result["structured_output"])
    except ValidationError as exc:
        fault = exc.errors(include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _broken_off(ended: Exit | None) -> Failure:
    if ended is None:
        return Failure(ended_by="error", said="the CLI said nothing more", kind="environment")
    code = "" if ended.code is None else f" with code {ended.code}"
    said = f"the CLI ended{code} before it had a result"
    return Failure(ended_by="error", said=f"{said}: {_line(ended.said)}" if ended.said else said, kind="environment", cause=ended.cause)


def _without_output(result: Mapping[str, Any], why: str, ledger: Ledger) -> Failure:
    subtype = str(result.get("subtype", ""))
    if subtype == "error_max_turns":
        return Failure(ended_by="turns", said=f"all turns were used before the task was done: {ledger.turns}")
    if ledger.shortened:
        return Failure(ended_by="budget", said="the rest of the budget was not enough for a whole answer")
    if result.get("is_error") and "structured_output" not in subtype:
        told = result.get("result") or "; ".join(map(str, result.get("errors") or ())) or subtype
        status = result.get("api_error_status")
        return Failure(ended_by="error", said=f"the CLI gave up{f' (status {status})' if status else ''}: {_line(told)}", kind="provider")
    return Failure(ended_by="error", said=f"the agent gave no result of the right form: {_line(why)}", kind="no_output")


def _line(text: object) -> str:
    return " ".join(str(text).split())[:_LONGEST]
