"""An epic in the foreground of people who have no more than they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.output import Output
from cli.replaying import Onwards, go_on
from engine.starting import StartEpic
from epics.access_errors import Forbidden
from epics.approvals import Choice, Decision
from epics.callers import Caller, acting_as
from epics.errors import NotFound
from epics.roles import Grant, Role

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EngineAt, Story

pytestmark = pytest.mark.postgres


async def test_an_operator_carries_on_what_an_approver_decides_and_a_stranger_sees_neither(
    engine_at: EngineAt, story: Story, small_repo: Path
):
    engine = await engine_at(story())
    olga = Caller(person="olga", channel="cli", grants=(Grant(role=Role.OPERATOR, repo=str(small_repo)),))
    anna = Caller(person="anna", channel="cli", grants=(Grant(role=Role.APPROVER, repo=str(small_repo)),))
    mallory = Caller(person="mallory", channel="cli", grants=(Grant(role=Role.ADMIN, repo="/elsewhere/**"),))
    yes = Decision(choice=Choice.APPROVE, by="said to be grace", channel="cli")

    with acting_as(olga):
        epic = await engine.start(StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted"))
        epic = await engine.advance(epic.id)
        with pytest.raises(Forbidden):
            await engine.decide(epic.id, yes)
        with pytest.raises(Forbidden):
            await engine.start(StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted", auto_approve=True))
    with acting_as(mallory), pytest.raises(NotFound):
        await engine.decide(epic.id, yes)
    for _ in ("plan", "merge"):
        with acting_as(anna):
            decided = await engine.decide(epic.id, yes)
        with acting_as(olga):
            epic = await engine.advance(epic.id)

    assert epic.status == "merged"
    assert (decided.decided_by, decided.requested_by) == ("anna", "olga")


async def test_who_may_only_look_replays_what_there_is_to_see_and_goes_on_from_nothing(engine_at: EngineAt, story: Story, small_repo: Path):
    engine = await engine_at(story())
    vera = Caller(person="vera", channel="cli", grants=(Grant(role=Role.VIEWER, repo=str(small_repo)),))
    stranger = Caller(person="sven", channel="cli", grants=(Grant(role=Role.VIEWER, repo="/elsewhere/**"),))
    epic = await engine.start(StartEpic(goal="Greet people", repo=str(small_repo), executor="scripted"))
    onwards = Onwards(at="0", guidance="", model=None, executor=None, budget_usd=None, auto_approve=False)

    with acting_as(vera), pytest.raises(Forbidden, match="to travel there needs operator"):
        await go_on(engine, epic.id, onwards, Output())
    checked = {}
    for caller in (vera, stranger):
        with acting_as(caller):
            checked[caller.person] = [item.epic for item in (await engine.replaying.check_all()).items]

    assert [each.id for each in (await engine.epics()).items] == [epic.id]
    assert checked == {"vera": [epic.id], "sven": []}
