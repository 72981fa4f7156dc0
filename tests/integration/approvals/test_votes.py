"""Approvals that need several people: each counts once, the last of them decides, and nothing is lost or counted twice."""

from __future__ import annotations

import asyncio

import pytest
from psycopg import errors as pg

from db.connection import Database
from db.judging import approval_is_for_people
from db.leases import take_lease
from db.queries import QUERIES
from engine.deciding import decide
from epics.access_errors import Forbidden, NotEligible
from epics.approvals import ApprovalStatus
from epics.callers import Caller, acting_as
from epics.errors import AlreadyDecided, AlreadyVoted, ApprovalNotFound, InvalidInput, StoreUnavailable
from epics.roles import Role
from epics.steps import Step
from tests.integration.approvals.people import person, says
from tests.integration.durability.writing import HERE, LONG_S, break_once, rows, until_waiting

pytestmark = pytest.mark.postgres


async def _decides(database: Database, who: Caller, approval: str, choice: str, **more: object):
    with acting_as(who):
        return await decide(database, approval, says(choice, **more))


async def _events(database: Database, kind: str):
    return [row["data"] for row in await rows(database.pool, "SELECT data FROM events WHERE type = %s ORDER BY epic_id, n", kind)]


async def test_the_second_of_two_people_decides_and_both_are_named_with_their_words(database, asked):
    approval = await asked(quorum=2)

    first = await _decides(database, person("anna", channel="slack"), approval, "approve", comment="Mind the umlauts.\n- all of them")
    second = await _decides(database, person("ben", channel="cli"), approval, "approve", comment="And the dots.")

    assert (first.status, first.decision, [vote.person for vote in first.votes]) == (ApprovalStatus.PENDING, None, ["anna"])
    assert (second.status, second.decided_by, second.channel) == (ApprovalStatus.APPROVED, "anna, ben", "cli")
    assert second.comment == "anna: Mind the umlauts.\n- all of them\n\nben: And the dots."
    (voted,) = await _events(database, "approval_voted")
    assert (voted["by"], voted["votes"], voted["needed"]) == ("anna", 1, 2)
    (epic,) = await rows(database.pool, "SELECT status, waiting_on FROM epics")
    assert epic == {"status": "queued", "waiting_on": None}


async def test_one_person_is_one_over_all_channels(database, asked):
    approval = await asked(quorum=2)
    await _decides(database, person("anna", channel="slack"), approval, "approve")

    with pytest.raises(AlreadyVoted, match="needs 2 people"):
        await _decides(database, person("anna", channel="http"), approval, "approve")

    assert (await _decides(database, person("ben"), approval, "approve")).decided_by == "anna, ben"


async def test_of_twenty_who_vote_at_once_two_decide_and_all_others_are_told(database, asked):
    approval = await asked(quorum=2)

    given = await asyncio.gather(*(_decides(database, person(f"p{n}"), approval, "approve") for n in range(20)), return_exceptions=True)

    taken = [each for each in given if not isinstance(each, BaseException)]
    late = [each for each in given if isinstance(each, AlreadyDecided)]
    assert (len(taken), len(late)) == (2, 18)
    names = {each.decided_by for each in late}
    (voters,) = names
    assert len(voters.split(", ")) == 2
    assert (len(await _events(database, "approval_decided")), len(await _events(database, "approval_voted"))) == (1, 1)
    assert len(await rows(database.pool, "SELECT 1 FROM approval_votes")) == 2


async def test_to_send_back_takes_one_person_whatever_others_said(database, asked):
    approval = await asked(quorum=3)
    await _decides(database, person("anna"), approval, "approve", comment="Fine by me.")

    done = await _decides(database, person("ben"), approval, "changes", comment="No: it needs a test.")

    assert (done.status, done.decided_by) == (ApprovalStatus.CHANGES, "ben")
    assert done.comment == "anna: Fine by me.\n\nben: No: it needs a test."


async def test_who_changes_the_mind_counts_for_the_new_choice_alone(database, asked):
    approval = await asked(Step.FAILURE_GATE, quorum=2)
    await _decides(database, person("anna"), approval, "retry")
    moved = await _decides(database, person("anna"), approval, "rollback", to=1)

    assert [(vote.person, vote.choice, vote.to) for vote in moved.votes] == [("anna", "rollback", 1)]
    assert (await _decides(database, person("ben"), approval, "retry")).status is ApprovalStatus.PENDING
    assert (await _decides(database, person("carla"), approval, "retry")).decided_by == "ben, carla"


async def test_a_vote_is_lost_with_the_decision_that_it_would_make(database, asked):
    approval = await asked(quorum=2)
    await _decides(database, person("anna"), approval, "approve")
    await break_once(database.pool, "events", "NEW.type = 'approval_decided'")

    with pytest.raises(StoreUnavailable):
        await _decides(database, person("ben"), approval, "approve")

    assert [row["person"] for row in await rows(database.pool, "SELECT person FROM approval_votes")] == ["anna"]
    assert (await _decides(database, person("ben"), approval, "approve")).decided_by == "anna, ben"


async def test_who_is_not_on_the_list_may_not_decide(database, asked):
    approval = await asked(who=["anna", "group:leads", "role:admin"])

    with pytest.raises(NotEligible, match="those who may decide are anna, group:leads, role:admin"):
        await _decides(database, person("mallory"), approval, "approve")

    assert (await _decides(database, person("ben", "leads"), approval, "approve")).decided_by == "ben"


async def test_who_asked_for_the_epic_may_stop_it_and_not_let_it_go_on(database, asked):
    approval = await asked(requested_by="anna", own=False)

    with pytest.raises(NotEligible, match="somebody else"):
        await _decides(database, person("anna"), approval, "approve")

    assert (await _decides(database, person("anna"), approval, "reject")).status is ApprovalStatus.REJECTED


async def test_the_roles_on_the_repository_come_first(database, asked):
    approval = await asked(who=["vera", "nora"])

    with pytest.raises(Forbidden, match="needs approver"):
        await _decides(database, person("vera", role=Role.OPERATOR), approval, "approve")
    with pytest.raises(ApprovalNotFound, match="there is no approval"):
        await _decides(database, person("nora", repo="/elsewhere/**"), approval, "approve")


async def test_what_is_asked_again_has_no_votes(database, asked):
    approval = await asked(quorum=2)
    await _decides(database, person("anna"), approval, "approve")
    await _decides(database, person("carla"), approval, "changes", comment="Again.")

    second = await asked(quorum=2, again="e-0000000001")
    view = await _decides(database, person("ben"), second, "approve")

    assert (second != approval, view.status, [vote.person for vote in view.votes]) == (True, ApprovalStatus.PENDING, ["ben"])


async def test_comments_that_have_no_room_together_are_refused_before_they_count(database, asked):
    approval = await asked(quorum=2)
    await _decides(database, person("anna"), approval, "approve", comment="a" * 15_000)

    with pytest.raises(InvalidInput, match="at most 20,000"):
        await _decides(database, person("ben"), approval, "approve", comment="b" * 15_000)

    assert (await _decides(database, person("ben"), approval, "approve", comment="b")).decided_by == "anna, ben"


async def test_a_server_that_knows_no_quorum_cannot_decide_alone(database, asked):
    approval = await asked(quorum=2)

    with pytest.raises(pg.CheckViolation, match="needs 2 people"):
        await rows(database.pool, "UPDATE approvals SET decision = 'approve', channel = 'http' WHERE id = %s RETURNING 1", approval)


async def test_each_vote_and_the_decision_are_in_the_audit_with_what_was_approved(database, asked):
    approval = await asked(quorum=2)
    await _decides(database, person("anna", channel="slack"), approval, "approve")
    await _decides(database, person("ben"), approval, "approve")

    found = await rows(
        database.pool, "SELECT person, channel, deed, answer, content_hash FROM audit WHERE subject = %s ORDER BY n", approval
    )

    (about,) = await rows(database.pool, "SELECT content_hash FROM approvals")
    assert [(row["person"], row["channel"], row["deed"], row["answer"]) for row in found] == [
        ("anna", "slack", "vote", "approve"),
        ("ben", "http", "decide", "approve"),
    ]
    assert {row["content_hash"] for row in found} == {about["content_hash"]}


async def test_a_worker_that_finds_it_to_be_for_people_and_who_decides_wait_for_neither_end(database, asked):
    approval = await asked()
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute(QUERIES["lock_epic_of_approval"], {"approval": approval})
        lease = await take_lease(database.pool, "e-0000000001", HERE, seconds=LONG_S)
        row = {"id": approval, "gate": "plan_gate"}
        judging = asyncio.create_task(approval_is_for_people(database.pool, lease, row, ["no rule holds"]))
        await until_waiting(database.pool, 1)
        decided = await connection.execute(b"UPDATE approvals SET status = 'rejected', decision = 'reject' WHERE id = %s", [approval])
        assert decided.rowcount == 1
    await judging

    assert await _events(database, "approval_needs_person") == []
