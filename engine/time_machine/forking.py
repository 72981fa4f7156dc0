"""Forking: a new epic from any moment of another, which is only read; one checkpoint, in whose transaction the whole fork is made."""

from __future__ import annotations

from typing import Any

from db.audit import audit_row
from db.epics import Row, fetch_one
from engine.approvals.terms import terms_for
from engine.assembling import Installation, policy_at, registry_at
from engine.checkpoints import config_of, saver_for
from engine.compatibility import leave_to_newer
from engine.lease_keeper import hold_epic
from engine.reading import epic_view
from engine.starting import check_budget, check_choice, models_in
from engine.time_machine.orders import Fork, check_guidance
from engine.time_machine.rollback_plan import state_of_moment
from engine.time_machine.rollback_writing import Rows, show_branch, tree_here
from engine.views import EpicView
from epics.callers import GENIE, current_caller
from epics.going_back import arrival, asking_again, fields_of
from epics.ids import new_id
from epics.state import EpicState, StepRecord
from epics.steps import Step
from graphs.epic import compile_epic_graph
from timemachine.workspace import attempt_branch, open_workspace


async def fork_epic(installation: Installation, source: str, asked: Fork) -> EpicView:
    """Make a new epic from a moment of another: its state, files and journal up to there; the source stays as it is to the byte.

    It is paused until somebody resumes it. What the source cost is not counted again, and its limit is the source's unless one is given.

    Raises:
        MomentNotFound: if there is no such moment.
        HistoryPruned: if the state of that moment was pruned.
        InvalidInput: if the executor, the model, the budget or the guidance cannot be used.
        EpicStrange: if a newer Genie carries the source on.
    """
    database = installation.database
    facts = await fetch_one(database.pool, "epic_facts", {"epic": source}) or {}
    leave_to_newer(facts, installation.release)
    check_guidance(asked.guidance)
    check_budget(asked.budget_usd)
    moment, target = await state_of_moment(database.pool, facts, asked.at)
    if asked.executor or asked.model:
        await _check_choice(installation, facts, asked)
    while await fetch_one(database.pool, "epic_facts", {"epic": (epic_id := new_id("e"))}) is not None:
        continue
    attempts = await fetch_one(database.pool, "last_attempt", {"epic": source}) or {"last_attempt": 0}
    state = forked_state(source, epic_id, moment, target, asked, attempts["last_attempt"])
    if moment is None and state.last is not None:
        # What no step has looked at yet, only git knows.
        tree = await tree_here(installation, facts, state.head)
        state = state.model_copy(update={"last": state.last.model_copy(update={"tree": tree})})
    terms = await terms_for(installation, facts, state)
    async with hold_epic(database, epic_id, seconds=installation.lease_seconds) as hold:
        rows = rows_of_fork(installation, source, asked, state)
        rows.added["fork"].update({**_asked_by(asked), "approval_terms": terms})
        told = {"source": source, "moment": asked.at, "budget_usd": rows.added["fork"]["budget_usd"]}
        rows = rows.with_audit(audit_row("fork", kind="epic", subject=epic_id, epic=epic_id, repo=facts["repo"], data=told))
        saver = saver_for(database, hold.lease, installation.release, project=rows.projector(), after=source)
        await compile_epic_graph(saver).aupdate_state(config_of(epic_id), fields_of(state), as_node=arrival(state))
    await show_branch(installation, {**facts, "id": epic_id}, state.branch or "", state.head)
    return await epic_view(database.pool, epic_id)


def forked_state(source: str, epic_id: str, moment: Row | None, target: EpicState, asked: Fork, attempts: int) -> EpicState:
    """The state that a fork begins with: that of the moment, told what is asked beside it."""
    branch = attempt_branch(epic_id, "fork", attempts)
    said = f": {asked.guidance}" if asked.guidance else ""
    last = StepRecord(
        step=target.last.step if target.last else Step.PLANNING,
        outcome="forked",
        branch=branch,
        tree=moment["tree"] if moment else "",
        note=f"forked from moment {asked.at} of {source} by {asked.by}{said}"[:2_000],
    )
    pull = target.pull_request
    update: dict[str, Any] = {
        "ended": None,
        "branch": branch,
        "guidance": (*target.guidance, asked.guidance) if asked.guidance else target.guidance,
        "pull_request": pull.model_copy(update={"branch": branch}) if pull else None,
        # Where people say no to taking back what was merged, the source is merged as before; the fork never was.
        "revert": None,
        "last": last,
    }
    return asking_again(target.model_copy(update=update))


def rows_of_fork(installation: Installation, source: str, asked: Fork, state: EpicState) -> Rows:
    """The rows that the one checkpoint of a fork makes true."""
    fork = {
        "source": source,
        "at": asked.at,
        "by": asked.by,
        "executor": asked.executor,
        "model": ",".join(models_in(asked.model)) or None,
        "budget_usd": None if asked.budget_usd is None else format(asked.budget_usd, "f"),
        "autonomy": asked.autonomy,
        "labels": dict(asked.labels),
        "state_version": installation.release.state,
    }
    added: dict[str, Any] = {"fork": fork}
    if state.pull_request is not None:
        added["pull_request"] = state.pull_request.model_dump(mode="json")
    return Rows(added=added, events=(), problem=state.last.note if state.last else "")


def _asked_by(asked: Fork) -> dict[str, str]:
    """Who is the requester of the fork, where its approvals are not for who asked for it."""
    caller = current_caller()
    return {"requested_by": asked.by if caller == GENIE else caller.person, "requested_via": caller.channel}


async def _check_choice(installation: Installation, facts: Row, asked: Fork) -> None:
    workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
    await workspace.mirror.fetch_base(facts["base"])
    policy = await policy_at(workspace.mirror, facts["base_commit"])
    registry = await registry_at(workspace.mirror, facts["base_commit"], installation.agents_dir)
    models = models_in(asked.model) or models_in(facts["model"])
    check_choice(installation, policy, registry, asked.executor or facts["executor"], models)
