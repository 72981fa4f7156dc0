"""One question has one decision, which is never dropped and never made twice (rules 11 and 18)."""

from __future__ import annotations

import asyncio

import pytest
from psycopg import errors as pg

from db.approvals import record_decision
from db.saver import FencedSaver
from engine.checkpoints import project_values
from epics.approvals import Choice, Decision
from epics.errors import AlreadyDecided, Superseded
from epics.steps import Step
from tests.integration.durability.writing import break_once, broke, put, rows, state_after

pytestmark = pytest.mark.postgres


async def _at_plan_gate(begin, script=None):
    epic = await begin(script)
    assert (await epic.engine.advance(epic.id)).step == "plan_gate"
    return epic


async def _forget_interrupt(epic):
    """As if killed between the checkpoint that opened the approval and the interrupt's own row."""
    forgotten = await epic.rows("DELETE FROM checkpoint_writes WHERE thread_id = %s AND channel = '__interrupt__' RETURNING 1")
    assert len(forgotten) == 1


async def test_a_decision_counts_where_the_interrupt_was_never_stored(begin):
    epic = await _at_plan_gate(begin)
    await _forget_interrupt(epic)
    await epic.decide("approve", comment="Mind the umlauts.")

    view = await epic.engine.advance(epic.id)

    assert (view.step, view.status) == ("merge_gate", "waiting")
    (implement,) = await epic.rows(
        "SELECT b.text FROM attempts a JOIN briefs b ON b.attempt = a.n WHERE a.epic_id = %s AND a.step = 'implement'"
    )
    assert "Mind the umlauts." in implement["text"]
    applied = await epic.rows("SELECT gate, applied_at IS NOT NULL AS applied FROM approvals WHERE epic_id = %s ORDER BY moment")
    assert applied == [{"gate": "plan_gate", "applied": True}, {"gate": "merge_gate", "applied": False}]


async def test_a_gate_whose_interrupt_was_never_stored_goes_on_waiting(begin):
    epic = await _at_plan_gate(begin)
    before = await epic.engine.approvals()
    await _forget_interrupt(epic)

    view = await epic.engine.advance(epic.id)

    assert (view.step, view.status) == ("plan_gate", "waiting")
    assert await epic.engine.approvals() == before


async def test_a_decision_counts_once_where_the_checkpoint_after_it_was_lost(begin):
    epic = await _at_plan_gate(begin)
    await epic.decide("approve")
    await break_once(epic.engine._pool, "checkpoints", "NEW.checkpoint #>> '{channel_values,step}' = 'implement'")

    view = await epic.engine.advance(epic.id)

    assert await broke(epic.engine._pool, "checkpoints")
    assert (view.step, view.status) == ("merge_gate", "waiting")
    moments = [moment.step for moment in await epic.engine.moments(epic.id)]
    assert moments == ["planning", "architect", "plan_gate", "implement", "test", "review", "document", "pr"]


async def test_an_epic_whose_last_checkpoint_was_lost_after_a_decision_still_ends(begin):
    epic = await _at_plan_gate(begin)
    await epic.decide("reject")
    await break_once(epic.engine._pool, "checkpoints", "NEW.checkpoint #>> '{channel_values,ended}' = 'rejected'")

    view = await epic.engine.advance(epic.id)

    assert await broke(epic.engine._pool, "checkpoints")
    assert (view.step, view.status) == ("plan_gate", "rejected")


async def test_a_cancel_counts_where_the_checkpoint_after_a_decision_was_lost(begin):
    epic = await _at_plan_gate(begin)
    await epic.decide("reject")
    await break_once(epic.engine._pool, "checkpoints", "NEW.checkpoint #>> '{channel_values,ended}' = 'rejected'")
    advancing = asyncio.create_task(epic.engine.advance(epic.id))
    async with asyncio.timeout(10):
        while not await broke(epic.engine._pool, "checkpoints"):
            await asyncio.sleep(0.02)
    advancing.cancel()
    await asyncio.wait([advancing])

    view = await epic.engine.cancel(epic.id, by="ann")

    assert view.status == "cancelled"
    assert [moment.outcome for moment in await epic.engine.moments(epic.id)] == ["done", "done", "cancelled"]


async def test_an_epic_that_cannot_go_on_with_its_decision_is_parked_and_not_tried_for_ever(begin):
    epic = await _at_plan_gate(begin)
    await epic.decide("approve")
    await epic.rows("UPDATE epics SET moment = 1 WHERE id = %s RETURNING 1")

    view = await asyncio.wait_for(epic.engine.advance(epic.id), 10)

    assert (view.status, view.step) == ("paused", "plan_gate")
    assert view.problem is not None
    assert view.problem.startswith("a decision was made, but")


async def test_a_gate_that_nobody_decided_changes_nothing_however_often_it_is_looked_at(begin):
    epic = await _at_plan_gate(begin)
    moments = await epic.engine.moments(epic.id)

    for _ in range(3):
        assert (await epic.engine.advance(epic.id)).status == "waiting"

    assert await epic.engine.moments(epic.id) == moments
    assert len(await epic.engine.approvals()) == 1


async def test_of_twenty_who_decide_at_once_one_wins_and_all_others_are_told_who_it_was(begin):
    epic = await _at_plan_gate(begin)
    asked = (await epic.engine.approval(epic.id)).id
    choices = [(Choice.APPROVE, Choice.REJECT)[place % 2] for place in range(20)]

    decisions = [Decision(choice=choice, by=f"person {place}", channel="test") for place, choice in enumerate(choices)]
    given = await asyncio.gather(*(epic.engine.decide(asked, decision) for decision in decisions), return_exceptions=True)

    (winner,) = [each for each in given if not isinstance(each, BaseException)]
    others = [each for each in given if isinstance(each, AlreadyDecided)]
    told = {(each.approval_id, each.decision, each.decided_by, each.decided_at) for each in others}
    assert len(others) == 19
    assert told == {(winner.id, winner.decision, winner.decided_by, winner.decided_at.isoformat(timespec="seconds"))}
    assert choices[int(winner.decided_by.split()[1])] == winner.decision
    assert len([event for event in await epic.engine.events(epic.id) if event.type == "approval_decided"]) == 1


async def test_an_unchanged_plan_that_comes_back_is_asked_about_again(database, lease):
    saver = FencedSaver(database.pool, lease, project=project_values)
    waits = state_after(Step.ARCHITECT, then=Step.PLAN_GATE)
    await put(saver, lease.thread_id, waits)
    (first,) = await rows(database.pool, "SELECT id FROM approvals")
    await record_decision(database.pool, first["id"], Decision(choice=Choice.CHANGES, comment="Think again.", by="ann", channel="test"))
    await put(saver, lease.thread_id, state_after(Step.PLAN_GATE, then=Step.ARCHITECT))

    await put(saver, lease.thread_id, waits)

    approvals = await rows(database.pool, "SELECT status, content_hash, applied_at IS NOT NULL AS applied FROM approvals ORDER BY moment")
    assert [(each["status"], each["applied"]) for each in approvals] == [("changes", True), ("pending", False)]
    assert approvals[0]["content_hash"] == approvals[1]["content_hash"]


async def test_a_plan_that_was_sent_back_waits_for_a_new_decision(begin):
    epic = await _at_plan_gate(begin)
    first = await epic.engine.approval(epic.id)
    await epic.decide("changes", comment="Think again.")

    view = await epic.engine.advance(epic.id)

    second = await epic.engine.approval(epic.id)
    assert (view.step, view.status, view.waiting_on) == ("plan_gate", "waiting", second.id)
    assert (second.id != first.id, second.status) == (True, "pending")
    with pytest.raises(AlreadyDecided):
        await epic.engine.decide(first.id, Decision(choice=Choice.APPROVE, by="ann", channel="test"))


async def test_a_moment_opens_one_approval_and_a_gate_has_one_pending(begin):
    epic = await _at_plan_gate(begin)
    copied = "INSERT INTO approvals (id, epic_id, gate, moment, status, content_hash, question, options, summary) "
    copied += "SELECT 'a-copy', epic_id, gate, {}, {}, 'another', question, options, summary FROM approvals WHERE epic_id = %s"

    with pytest.raises(pg.UniqueViolation, match="approvals_epic_id_moment_key"):
        await epic.rows(copied.format("moment", "'expired'"))
    with pytest.raises(pg.UniqueViolation, match="approvals_one_pending"):
        await epic.rows(copied.format("moment + 1", "'pending'"))


async def test_an_approval_of_a_cancelled_epic_takes_no_decision(begin):
    epic = await _at_plan_gate(begin)
    approval = await epic.engine.approval(epic.id)

    await epic.engine.cancel(epic.id, by="ann")

    assert (await epic.engine.approval(approval.id)).status == "superseded"
    with pytest.raises(Superseded, match="was superseded"):
        await epic.engine.decide(approval.id, Decision(choice=Choice.APPROVE, by="ben", channel="test"))


async def test_a_decision_on_content_that_changed_is_refused(begin):
    epic = await _at_plan_gate(begin)
    approval = await epic.engine.approval(epic.id)

    with pytest.raises(Superseded):
        await epic.engine.decide(approval.id, Decision(choice=Choice.APPROVE, by="ben", channel="test"), "0" * 64)

    assert (await epic.engine.approval(approval.id)).status == "pending"
