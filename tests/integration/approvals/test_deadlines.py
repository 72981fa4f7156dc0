"""Reminders, escalations and ends of approvals: each is done once, however many look, and by the clock of the database."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import open_database
from engine.approvals.sweeping import sweep_approvals
from engine.deciding import decide
from epics.access_errors import NotEligible
from epics.approvals import ApprovalStatus
from epics.callers import acting_as
from epics.errors import AlreadyDecided, Superseded
from tests.integration.approvals.people import person, says
from tests.integration.durability.writing import rows

pytestmark = pytest.mark.postgres

HOUR, DAY = 3_600, 86_400


async def _passes(database, seconds):
    """Let time go by, for approvals."""
    shift = "{0} = {0} - make_interval(secs => %s)"
    names = ("requested_at", "remind_at", "escalate_at", "expires_at")
    changed = ", ".join(shift.format(name) for name in names)
    await rows(database.pool, f"UPDATE approvals SET {changed} RETURNING 1", *[seconds] * len(names))


async def _told(database):
    return [
        (row["type"], row["data"])
        for row in await rows(database.pool, "SELECT type, data FROM events WHERE type <> 'epic_queued' ORDER BY n")
    ]


async def _kinds(database):
    return [kind for kind, _ in await _told(database) if kind.startswith(("approval_", "epic_paused"))]


async def test_each_is_told_once_over_two_workers(database, asked, tmp_path):
    await asked(remind_s=HOUR, escalate_s=2 * HOUR, escalate_to=["group:leads"], who=["anna"], expires_s=DAY)
    async with open_database(database.dsn, tmp_path, migrate=False) as other:
        await sweep_approvals(database.pool)
        assert await _kinds(database) == ["approval_opened"]
        await _passes(database, HOUR)
        await asyncio.gather(*(sweep_approvals(each.pool) for each in (database, other) for _ in range(4)))
        assert await _kinds(database) == ["approval_opened", "approval_reminded"]
        await _passes(database, HOUR)
        await asyncio.gather(*(sweep_approvals(each.pool) for each in (database, other) for _ in range(4)))
        await _passes(database, DAY)
        await asyncio.gather(*(sweep_approvals(each.pool) for each in (database, other) for _ in range(4)))

    assert await _kinds(database) == ["approval_opened", "approval_reminded", "approval_escalated", "approval_expired", "epic_paused"]
    told = dict(await _told(database))
    assert (told["approval_reminded"]["who"], told["approval_escalated"]["to"]) == (["anna"], ["group:leads"])


async def test_who_it_was_escalated_to_may_decide_from_then_on(database, asked):
    approval = await asked(who=["anna"], escalate_s=HOUR, escalate_to=["group:leads"])
    with acting_as(person("ben", "leads")):
        with pytest.raises(NotEligible):
            await decide(database, approval, says("approve"))
        await _passes(database, HOUR)
        await sweep_approvals(database.pool)

        assert (await decide(database, approval, says("approve"))).decided_by == "ben"


async def test_what_nobody_decided_in_time_parks_the_epic_and_says_so(database, asked):
    approval = await asked(expires_s=3 * DAY)
    await _passes(database, 3 * DAY)

    await sweep_approvals(database.pool)

    (epic,) = await rows(database.pool, "SELECT status, problem, waiting_on FROM epics")
    assert (epic["status"], epic["waiting_on"]) == ("paused", None)
    assert "nobody decided the plan_gate within 3 days" in epic["problem"]
    assert "genie epic resume e-0000000001" in epic["problem"]
    (row,) = await rows(database.pool, "SELECT status, decision FROM approvals")
    assert row == {"status": "expired", "decision": None}
    with acting_as(person("anna")), pytest.raises(Superseded, match="expired"):
        await decide(database, approval, says("approve"))


async def test_what_nobody_decided_in_time_ends_where_the_policy_says_so(database, asked):
    approval = await asked(expires_s=DAY, on_expiry="reject")
    await _passes(database, DAY)

    await sweep_approvals(database.pool)

    (row,) = await rows(database.pool, "SELECT status, decision, decided_by, channel FROM approvals")
    assert row == {"status": "expired", "decision": "reject", "decided_by": "the policy", "channel": "auto"}
    assert (await rows(database.pool, "SELECT status FROM epics")) == [{"status": "queued"}]
    with acting_as(person("anna")), pytest.raises(AlreadyDecided, match="the policy"):
        await decide(database, approval, says("approve"))
    (audited,) = await rows(database.pool, "SELECT person, deed, answer FROM audit WHERE subject = %s", approval)
    assert audited == {"person": "the policy", "deed": "expire", "answer": "reject"}


async def test_who_comes_too_late_is_refused_though_no_worker_looked(database, asked):
    approval = await asked(expires_s=DAY)
    await _passes(database, DAY)

    with acting_as(person("anna")), pytest.raises(Superseded, match="expired"):
        await decide(database, approval, says("approve"))

    assert await _kinds(database) == ["approval_opened", "approval_expired", "epic_paused"]
    assert (await rows(database.pool, "SELECT status FROM approvals")) == [{"status": ApprovalStatus.EXPIRED}]


async def test_what_was_decided_is_not_due(database, asked):
    approval = await asked(remind_s=HOUR, expires_s=DAY)
    with acting_as(person("anna")):
        await decide(database, approval, says("approve"))
    await _passes(database, DAY)

    assert await sweep_approvals(database.pool) == 0
    assert "approval_reminded" not in await _kinds(database)


async def test_one_that_cannot_be_read_keeps_no_other_from_its_time(database, asked):
    strange, other = await asked(expires_s=1), await asked(expires_s=2)
    await rows(database.pool, """UPDATE approvals SET terms = '{"of a newer release": 1}' WHERE id = %s RETURNING id""", strange)
    await _passes(database, 3)

    await sweep_approvals(database.pool)

    found = await rows(database.pool, "SELECT id, status FROM approvals ORDER BY epic_id")
    assert [(row["id"], row["status"]) for row in found] == [(strange, "pending"), (other, "expired")]
