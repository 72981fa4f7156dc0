"""The life of an agent's object: prepare, run, cleanup, whatever its code does to whoever calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import BaseModel

from agents.agent import Agent, AgentRun
from agents.python_agent import Answer, PythonAgent
from agents.python_loading import place_in
from epics.agent_errors import AskFailed
from executors.port import Outcome

GRACE_S: Final = 10.0
"""How long code that is told to stop may take to do so, before it is left behind."""
CLEANUP_S: Final = 30.0
_LARGEST: Final = 1_000_000
_LONGEST: Final = 500


@dataclass(frozen=True)
class _Raised:
    error: BaseException


class _TookTooLong:
    """A step was still at work when its time was over."""


async def live(agent: PythonAgent, run: AgentRun, seconds: float) -> Outcome:
    """Let an agent do what it is asked, and say how that ended; `cleanup` is called whenever `prepare` was, also when this is cancelled.

    Whatever its code raises is the run's failure, with the line: `sys.exit()` too, which would end the worker.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    try:
        made = agent.made_by()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # code of somebody else's
        return _failure(agent, "it could not be made", error)
    try:
        said = await _stayed_with(made.prepare(run), seconds)
        if not isinstance(said, _Raised | _TookTooLong):
            said = await _stayed_with(made.run(run), max(until - clock(), 0))
    finally:
        left = await _cleaned_up(made, run)
    outcome = _outcome(agent, said, seconds)
    if isinstance(left, _Raised) and outcome.ended_by == "done":
        return _failure(agent, "its cleanup failed", left.error)
    return outcome


async def _cleaned_up(made: Agent, run: AgentRun) -> object:
    left = await _stayed_with(made.cleanup(run), CLEANUP_S)
    if left is not None:
        structlog.get_logger().warning("an agent did not clean up", run=run.id, error=repr(left)[:_LONGEST])
    return left


async def _stayed_with(step: Coroutine[Any, Any, object], seconds: float) -> object:
    """What a step returned, or that it raised or took too long; one that does not stop when it is told to is left behind."""
    task = asyncio.create_task(_caught(step))
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            await _stop(task)
            return _TookTooLong()
    except asyncio.CancelledError:
        await _stop(task)
        raise
    return _Raised(RuntimeError("it cancelled itself")) if task.cancelled() else task.result()


async def _caught(step: Coroutine[Any, Any, object]) -> object:
    try:
        return await step
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  # out of a task, SystemExit ends the loop and with it the worker
        return _Raised(error)


async def _stop(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE_S)
    if not task.done():
        structlog.get_logger().warning("code of an agent does not stop, and is left behind", task=repr(task)[:_LONGEST])


def _outcome(agent: PythonAgent, said: object, seconds: float) -> Outcome:
    match said:
        case _TookTooLong():
            return Outcome(ended_by="timeout", error=f"the run took longer than its {seconds:g} s")
        case _Raised(error=AskFailed() as error):
            why: Any = error.ended_by, error.error_kind
            return Outcome(ended_by=why[0], error=str(error), error_kind=why[1])
        case _Raised(error=error):
            return _failure(agent, "", error)
        case str():
            return _answered(agent, Answer(text=said))
        case BaseModel():
            return _answered(agent, said)
        case _:
            return _failure(agent, "", TypeError(f"run returned {type(said).__name__}: return a text, or a pydantic model"))


def _answered(agent: PythonAgent, said: BaseModel) -> Outcome:
    try:
        output = said.model_dump(mode="json")
    except Exception as error:  # noqa: BLE001  # serializers of somebody else's
        return _failure(agent, "its answer cannot be written down", error)
    if (size := len(str(output))) > _LARGEST:
        return _failure(agent, "", ValueError(f"its answer has {size:,} characters, at most {_LARGEST:,} are kept"))
    return Outcome(ended_by="done", output=output)


def _failure(agent: PythonAgent, what: str, error: BaseException) -> Outcome:
    place = place_in(error, agent.folder) or str(agent.file)
    words = " ".join(str(error).split())[:_LONGEST]
    return Outcome(
        ended_by="error", error_kind="tool", error=": ".join(part for part in (place, what, type(error).__name__, words) if part)
    )
