"""A model that makes the same two mistakes in every epic, unless its brief tells it not to; and the person who sees to one of them.

Its architect wants a database until a brief says what a person said about that; its implement tidies up beside the work, which ends the
attempt, until a brief says what prevents that. It runs as any model does: over the real executor, with a journal, tools and a work tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.played_model import PlayedModels

if TYPE_CHECKING:
    from engine.engine import Engine

COMMENT: Final = "No database for three words, please: a plain file will do."
PREVENTION: Final = "Leave every file but the greeting alone."

_GOALS: Final = ("Greet people", "Say good night to the neighbours", "Wish sailors a fair wind", "Welcome guests")
_SETTLES_S: Final = 60.0
_MODEL: Final = "scripted:demo"


def repeating(number: int) -> dict[str, Any]:
    """The script of the epic of that number; each writes another greeting."""
    design = {"title": "Greet from a database", "context": "People want to be greeted.", "options": [{"name": "A database", "weight": 8}],
              "summary": "One table of a database.", "decision": "Make a table.", "consequences": "A server has to run."}  # fmt: skip
    plain = {**design, "title": "Greet from a file", "summary": "One plain file.", "decision": "Write a file.", "consequences": "Simple."}
    greeting = {"write": {f"greeting{number}.txt": f"hello {number}\n"}}
    plan = {"summary": "It greets.", "tasks": ["Write it"], "acceptance_criteria": ["It greets"], "allowed_paths": ["greeting*.txt"]}
    analysis = {"cause": "It tidied up beside its work.", "prevention": PREVENTION, "restart_at": "same"}
    plays = [
        _play("planning", plan),
        _play("architect", plain, when=COMMENT),
        _play("architect", design),
        _play("implement", {"summary": "Wrote the greeting alone."}, greeting, when=PREVENTION),
        _play("implement", {"summary": "Wrote the greeting, and tidied up."}, {**greeting, "run": ["echo tidy > notes.txt"]}),
        _play("test", {"summary": "There is nothing to add."}),
        _play("review", {"verdict": "passed", "summary": "It greets."}),
        _play("fix", {"summary": "Put it right."}),
        _play("document", {"summary": "Nothing to tell."}),
        _play("pr", {"title": "Greet people", "body": "It greets."}),
        _play("time_machine", analysis),
    ]
    return {"plays": plays}


@dataclass(frozen=True, kw_only=True)
class Took:
    """What an epic took until it was merged."""

    epic: str
    attempts: int
    of: Mapping[str, int]
    """By step."""


async def took(engine: Engine, repo: str, number: int) -> Took:
    """Run the epic of that number to its merge, by a model that repeats its mistakes and a person who knows what is wanted."""
    from engine.starting import StartEpic
    from epics.approvals import Decision

    repeats = _repeats(engine, number)
    epic = await repeats.start(StartEpic(goal=_GOALS[number % len(_GOALS)], repo=repo, executor="in_process", model=_MODEL))
    view = await repeats.advance(epic.id)
    while view.status == "waiting":
        approval = await repeats.approval(str(view.waiting_on))
        wrong = approval.gate == "plan_gate" and "database" in approval.summary
        said = {"choice": "changes", "comment": COMMENT} if wrong else {"choice": "approve"}
        await repeats.decide(epic.id, Decision.model_validate({**said, "by": "ann", "channel": "test"}))
        view = await repeats.advance(epic.id)
    if view.status != "merged":
        message = f"the epic ended {view.status}: {view.problem}"
        raise RuntimeError(message)
    steps = [attempt.step for attempt in await repeats.attempts(epic.id)]
    return Took(epic=epic.id, attempts=len(steps), of={step: steps.count(step) for step in steps})


async def remember(engine: Engine) -> None:
    """Have all stored that the epics so far have taught, as a worker does beside its epics."""
    from engine.knowledge.pump import Pump

    await Pump(engine._installation).settle(_SETTLES_S)


def without_memory(engine: Engine) -> Engine:
    """The same engine with memory off."""
    from engine.engine import Engine
    from memory.nothing import NothingKnown

    return Engine(replace(engine._installation, knowledge=NothingKnown()))


def _repeats(engine: Engine, number: int) -> Engine:
    """The same engine with agents whose model follows the script of that epic."""
    from engine.engine import Engine
    from executors.in_process import InProcessExecutor
    from executors.scripts import Script
    from executors.terms import Terms
    from safety.prices import Price

    terms = Terms(prices={_MODEL: Price.per_million(Decimal(3), Decimal(15))}, floor_tokens=300)
    executor = InProcessExecutor(PlayedModels(Script.model_validate(repeating(number))), terms=terms)
    return Engine(replace(engine._installation, executors={"in_process": executor}))


def _play(workflow: str, output: Mapping[str, Any], *turns: Mapping[str, Any], when: str = "") -> dict[str, Any]:
    return {"workflow": workflow, "when_brief_contains": when, "turns": [*turns, {"output": output}]}
