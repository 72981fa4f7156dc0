"""An error that no node foresaw parks the epic with its cause, and the epic goes on from there (rule 8)."""

from __future__ import annotations

import pytest

import engine.advancing
from epics.errors import Environment, StoreUnavailable
from tests.integration.durability.acting import Failing, Killed, Watched, on_executor, scripted

pytestmark = pytest.mark.postgres

ERRORS = "SELECT count(*) AS n FROM checkpoint_writes WHERE thread_id = %s AND channel = '__error__'"


@pytest.mark.parametrize(
    "error, problem", [(Killed("out of the blue\nat night"), "Killed: out of the blue\nat night"), (Environment("no bash"), "no bash")]
)
async def test_an_error_out_of_a_node_is_in_the_row_and_the_epic_goes_on_when_it_is_resumed(begin, error, problem):
    epic = await begin()
    engine = on_executor(epic.engine, Failing(scripted(epic.engine), error))

    parked = await engine.advance(epic.id)
    resumed = await engine.resume(epic.id, by="ann")
    view = await engine.advance(epic.id)

    assert (parked.status, parked.step, parked.problem, parked.moment) == ("paused", "planning", problem, None)
    assert (await epic.rows(ERRORS))[0]["n"] == 1
    assert [event.data["problem"] for event in await engine.events(epic.id) if event.type == "epic_paused"] == [problem]
    assert (resumed.status, resumed.problem) == ("queued", None)
    assert (view.status, view.step, view.problem) == ("waiting", "plan_gate", None)


async def test_a_failure_that_a_node_foresees_is_state_and_parks_nothing(begin, story):
    epic = await begin(story(planning=[{"fail": "error", "say": "The provider is down."}]), autonomy="ask")

    view = await epic.engine.advance(epic.id)

    assert (view.status, view.step, view.problem) == ("waiting", "failure_gate", None)
    assert (await epic.rows(ERRORS))[0]["n"] == 0
    assert [(moment.step, moment.outcome) for moment in await epic.engine.moments(epic.id)] == [
        ("planning", "failed"),
        ("time_machine", "done"),
    ]


async def test_a_database_that_was_away_for_a_moment_parks_nothing(begin):
    epic = await begin()
    engine = on_executor(epic.engine, Failing(scripted(epic.engine), StoreUnavailable("away")))

    view = await engine.advance(epic.id)

    assert (view.status, view.step) == ("waiting", "plan_gate")
    assert "epic_paused" not in {event.type for event in await engine.events(epic.id)}


async def test_a_database_that_is_away_in_each_step_is_waited_for_in_each_anew(begin, monkeypatch):
    class AwayTwice(Watched):
        async def run(self, order, journal):
            outcome = await super().run(order, journal)
            if self.runs.count(order.workflow.name) <= 2:
                raise StoreUnavailable("away")
            return outcome

    monkeypatch.setattr(engine.advancing, "_RETRY_AFTER_S", (0.01, 0.01))
    epic = await begin()
    away = AwayTwice(scripted(epic.engine))

    view = await on_executor(epic.engine, away).advance(epic.id)

    assert (view.status, view.step, away.runs) == ("waiting", "plan_gate", ["planning"] * 3 + ["architect"] * 3)
