"""Starting an epic: everything that can be wrong is found before its row is there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from agents.registry import Registry
from config.setting_types import words_in
from config.settings import Settings
from db.connection import Connection
from db.epics import Within, insert_epic
from db.races import plan_race
from engine.assembling import Installation, policy_at, registry_at
from epics.callers import current_caller
from epics.errors import InvalidInput
from epics.ids import new_id
from epics.policy import Autonomy, RepositoryPolicy
from epics.races import FEWEST, MOST
from epics.roles import Deed
from epics.state import GRAPH_VERSION
from epics.steps import AGENT_STEPS
from timemachine.repositories import inspect_repository
from timemachine.workspace import open_workspace

MOST_GOAL: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class StartEpic:
    """What a person asks for."""

    goal: str
    repo: str
    base: str | None = None
    budget_usd: Decimal | None = None
    executor: str | None = None
    model: str | None = None
    autonomy: Autonomy | None = None
    auto_approve: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    attempts: int | None = None
    """How often the first implement is done, side by side; None for once."""
    detached: bool = True
    """Leave it to the workers; False if the process that asks will run the epic itself."""


def with_defaults(asked: StartEpic, settings: Settings) -> StartEpic:
    """What a person asks for, and for what was left out what this installation is set to."""
    return replace(
        asked,
        budget_usd=asked.budget_usd if asked.budget_usd is not None else settings.budget_usd,
        executor=asked.executor or settings.executor,
        model=asked.model or settings.model,
        autonomy=asked.autonomy or settings.autonomy,
    )


async def start_epic(installation: Installation, asked: StartEpic, *, within: Within | None = None) -> str:
    """Check what is asked, make the epic's row, and return its id.

    Args:
        installation: where it is started.
        asked: what a person asks for.
        within: what else is written in the transaction that makes the epic.

    Raises:
        InvalidInput: if the goal, a limit, the executor or the model cannot be used.
        RepositoryUnusable: if the repository or its base branch cannot carry an epic.
        Forbidden: as in `check_start`.
    """
    goal = checked_goal(asked.goal)
    check_budget(asked.budget_usd)
    check_attempts(asked.attempts)
    facts = await inspect_repository(asked.repo, asked.base, installation.git_environment)
    check_start(facts.location, auto_approve=asked.auto_approve)
    workspace = await open_workspace(installation.home, facts.location, installation.git_environment)
    commit = await workspace.mirror.fetch_base(facts.base)
    policy = await policy_at(workspace.mirror, commit)
    registry = await registry_at(workspace.mirror, commit, installation.agents_dir)
    models = models_in(asked.model)
    check_choice(installation, policy, registry, asked.executor, models)
    values: dict[str, Any] = {
        "goal": goal,
        "repo": facts.location,
        "base": facts.base,
        "base_commit": commit,
        "budget_usd": asked.budget_usd,
        "executor": asked.executor,
        "model": ",".join(models) or None,
        "autonomy": policy.autonomy_for(asked=asked.autonomy),
        "auto_approve": asked.auto_approve,
        "labels": asked.labels,
        "graph_version": GRAPH_VERSION,
    }

    async def beside(connection: Connection, epic_id: str) -> None:
        if asked.attempts is not None:
            await plan_race(connection, epic_id, n=asked.attempts, rule=values["autonomy"])
        if within is not None:
            await within(connection, epic_id)

    pool = installation.database.pool
    while not await insert_epic(pool, {**values, "id": (epic_id := new_id("e"))}, hinted=asked.detached, within=beside):
        continue
    return epic_id


def check_start(location: str, *, auto_approve: bool) -> None:
    """Hold a start against the roles that the caller has on the repository, where that really is.

    Raises:
        Forbidden: if it may not start an epic there, or not approve its gates in advance.
    """
    caller = current_caller()
    caller.check(Deed.START, location)
    if auto_approve:
        caller.check(Deed.DECIDE, location)


def check_attempts(attempts: int | None) -> None:
    """Refuse a number of attempts that no race has.

    Raises:
        InvalidInput: naming it.
    """
    if attempts is not None and not FEWEST <= attempts <= MOST:
        message = f"the attempts side by side must be from {FEWEST} to {MOST}, not {attempts}"
        raise InvalidInput(message)


def check_budget(budget_usd: Decimal | None) -> None:
    """Refuse a limit that is none.

    Raises:
        InvalidInput: naming it.
    """
    if budget_usd is not None and (not budget_usd.is_finite() or budget_usd <= 0):
        message = f"the budget must be an amount above 0 in US dollars, not {budget_usd}"
        raise InvalidInput(message)


def models_in(given: str | None) -> tuple[str, ...]:
    """The models that a person names, with commas between them, in order."""
    return words_in(given or "")


def check_choice(
    installation: Installation, policy: RepositoryPolicy, registry: Registry, asked_executor: str | None, models: tuple[str, ...]
) -> None:
    """Refuse an executor that is not there, or models that the executor of a step cannot use.

    Raises:
        InvalidInput: naming them.
    """
    for step in sorted(AGENT_STEPS):
        workflow = registry.get(step)
        name = policy.executor_for(asked=asked_executor, own=workflow.executor)
        executor = installation.executors.get(name)
        if executor is None:
            message = f"there is no executor {name!r}; there are {', '.join(sorted(installation.executors))}"
            raise InvalidInput(message)
        executor.check_models(policy.models_for(workflow.name, asked=models, own=workflow.models))


def checked_goal(goal: str, *, what: str = "goal") -> str:
    """The goal, if an epic can be made of it; `what` is what messages call it.

    Raises:
        InvalidInput: if it is empty, too long, or has characters that no text has.
    """
    stripped = goal.strip()
    if not stripped:
        message = f"the {what} is empty: say in a sentence what should be different"
        raise InvalidInput(message)
    if len(stripped) > MOST_GOAL:
        size = f"{len(stripped):,} characters; at most {MOST_GOAL:,} fit"
        message = f"the {what} has {size}: put the details in a file of the repository and name it"
        raise InvalidInput(message)
    strange = next((char for char in stripped if ord(char) < ord(" ") and char not in "\n\r\t"), None)
    if strange is not None or any(0xD800 <= ord(char) <= 0xDFFF for char in stripped):  # noqa: PLR2004  # the range of lone surrogates
        message = f"the {what} has a character that is no text ({strange!r}): remove it"
        raise InvalidInput(message)
    return stripped
