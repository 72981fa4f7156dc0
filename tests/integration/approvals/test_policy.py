"""The approval policy of a repository and of a server, on whole epics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.leases import Admission, claim_epic
from epics.access_errors import NotEligible
from epics.callers import acting_as
from epics.roles import Grant, Role
from epics.upgrades import THIS_RELEASE
from tests.integration.approvals.people import person, says
from tests.integration.durability.writing import HERE, LONG_S

pytestmark = pytest.mark.postgres

ANNA, BEN = person("anna"), person("ben")


@pytest.fixture
def begin_under(begin, small_repo, git):
    """Begins an epic of anna's in a repository with this policy."""

    async def start(policy: str, script: Any = None, **asked: Any):
        (small_repo / "genie.toml").write_text(f'[test]\ncommand = "true"\n{policy}', encoding="utf-8")
        git(small_repo, "commit", "--quiet", "--all", "--message", "Say who approves")
        with acting_as(ANNA):
            return await begin(script, **asked)

    return start


async def _told(epic, kind):
    return [event.data for event in await epic.engine.events(epic.id) if event.type == kind]


async def test_the_policy_of_the_base_branch_holds_from_the_gate_that_it_opens(begin_under, small_repo, git):
    epic = await begin_under("[approvals]\nquorum = 2\n[approvals.plan_gate]\nown = false\n")
    await epic.engine.advance(epic.id)
    (small_repo / "genie.toml").write_text("")
    git(small_repo, "commit", "--quiet", "--all", "--message", "Nobody need approve")

    with acting_as(ANNA), pytest.raises(NotEligible, match="somebody else"):
        await epic.engine.decide(epic.id, says("approve"))
    for who in ("ben", "carla"):
        with acting_as(person(who)):
            await epic.engine.decide(epic.id, says("approve", comment=f"{who} agrees."))
    view = await epic.engine.advance(epic.id)

    assert (view.step, view.requested_by, view.requested_via) == ("merge_gate", "anna", "http")
    (brief,) = await epic.rows(
        "SELECT b.text FROM attempts a JOIN briefs b ON b.attempt = a.n WHERE a.epic_id = %s AND a.step = 'implement'"
    )
    assert "ben: ben agrees.\n\ncarla: carla agrees." in brief["text"]
    # Nobody is asked for two any more where the base branch says so no more.
    assert (await epic.engine.approval(epic.id)).terms.quorum == 1


async def test_the_stricter_of_repository_and_server_counts(begin_under, engine_at, story, tmp_path):
    policy = tmp_path / "approvals.toml"
    policy.write_text(
        '[approvals]\nquorum = 2\n[[repository]]\nrepo = "/elsewhere/**"\n[repository.approvals]\nquorum = 5\n', encoding="utf-8"
    )
    epic = await begin_under('[approvals]\nquorum = 1\nwho = ["group:leads"]\n')
    strict = await engine_at(story(), approvals_file=policy)

    await strict.advance(epic.id)

    terms = (await strict.approval(epic.id)).terms
    assert (terms.quorum, terms.who) == (2, ("group:leads",))


async def test_a_rule_approves_what_it_covers_and_says_what_it_saw(begin_under):
    rules = '[[approvals.auto]]\nname = "cheap"\ngate = "plan_gate"\nmost_usd = "5"\n'
    rules += '[[approvals.auto]]\nname = "greetings"\ngate = "merge_gate"\npaths = ["greeting.txt", "docs/**"]\n'
    rules += "most_lines = 100\ntests_passed = true\n"
    epic = await begin_under(rules)

    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    merge, plan = await epic.engine.approvals(epic=epic.id)
    assert [(each.decided_by, each.channel) for each in (plan, merge)] == [("rule: cheap", "auto"), ("rule: greetings", "auto")]
    decided = (await _told(epic, "approval_decided"))[1]
    assert (decided["rule"], decided["facts"]["tests_passed"]) == ("greetings", True)
    assert "greeting.txt" in decided["facts"]["paths"]
    audited = await epic.rows("SELECT person, channel, data FROM audit WHERE epic = %s AND deed = 'decide' ORDER BY n")
    assert [(row["person"], row["channel"]) for row in audited] == [("rule: cheap", "auto"), ("rule: greetings", "auto")]


async def test_what_a_rule_does_not_cover_is_for_a_person_and_says_why(begin_under):
    epic = await begin_under('[[approvals.auto]]\nname = "docs"\ngate = "merge_gate"\npaths = ["docs/**"]\n', auto_approve=False)
    await epic.engine.advance(epic.id)
    await epic.decide("approve")

    view = await epic.engine.advance(epic.id)

    assert (view.step, view.status) == ("merge_gate", "waiting")
    (told,) = await _told(epic, "approval_needs_person")
    assert told["why"] == ["rule docs: outside of its paths: greeting.txt"]


async def test_a_word_given_in_advance_counts_as_that_of_who_gave_it(begin_under):
    epic = await begin_under("[approvals.merge_gate]\nown = false\n", auto_approve=True)

    waiting = await epic.engine.advance(epic.id)

    assert (waiting.step, waiting.status) == ("merge_gate", "waiting")
    (plan,) = [each for each in await epic.engine.approvals(epic=epic.id) if each.gate == "plan_gate"]
    assert plan.decided_by == "--yes"
    (told,) = await _told(epic, "approval_needs_person")
    assert told["why"][0].startswith("--yes does not count here: anna asked for this epic")
    with acting_as(BEN):
        await epic.engine.resume(epic.id, auto_approve=True)
    assert (await epic.engine.advance(epic.id)).status == "merged"


async def test_a_word_given_in_advance_counts_no_more_once_its_giver_may_not_decide(begin_under):
    epic = await begin_under("[approvals]\nquorum = 1\n")
    access = epic.engine.access
    carl = person("carl").model_copy(update={"via": "k-0000000000"})
    await access.add_person("root", [Grant(role=Role.ADMIN)])
    await access.add_person("carl", [Grant(role=Role.APPROVER)])
    with acting_as(carl):
        await epic.engine.resume(epic.id, auto_approve=True)

    await access.set_person("carl", grants=[Grant(role=Role.VIEWER)])
    lowered = await epic.engine.advance(epic.id)
    await access.remove_person("carl")
    await epic.engine.resume(epic.id)
    removed = await epic.engine.advance(epic.id)

    assert {(view.step, view.status) for view in (lowered, removed)} == {("plan_gate", "waiting")}
    assert [told["why"] for told in await _told(epic, "approval_needs_person")] == [
        ["--yes does not count here: carl, who gave it, may not decide here any more"],
        ["--yes does not count here: carl, who gave it, is nobody here any more"],
    ]


async def test_a_gate_whose_worker_died_before_it_judged_is_judged_by_the_next(begin_under):
    epic = await begin_under('[[approvals.auto]]\nname = "cheap"\ngate = "plan_gate"\nmost_usd = "5"\n[approvals.merge_gate]\nquorum = 2\n')
    await epic.engine.advance(epic.id)
    # As if it had died at the merge gate, with a rule that nobody looked at.
    rule = '{"auto": [{"name": "any", "gate": "merge_gate", "most_files": 99}]}'
    await epic.rows(f"UPDATE approvals SET terms = '{rule}' WHERE epic_id = %s AND status = 'pending' RETURNING 1")
    any_epic = Admission(most=100, executors=("scripted",), graph=1, state=THIS_RELEASE.state)

    assert (await epic.engine.epic(epic.id)).status == "queued"
    lease = await claim_epic(epic.engine._pool, HERE, any_epic, seconds=LONG_S)

    assert lease is not None
    assert lease.thread_id == epic.id


async def test_an_approval_that_expired_is_asked_again_when_somebody_resumes(begin_under):
    epic = await begin_under('[approvals.plan_gate]\nexpires = "1h"\nquorum = 2\n')
    await epic.engine.advance(epic.id)
    first = await epic.engine.approval(epic.id)
    with acting_as(BEN):
        await epic.engine.decide(epic.id, says("approve"))
    await epic.rows("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE epic_id = %s RETURNING 1")
    from engine.approvals.sweeping import sweep_approvals

    await sweep_approvals(epic.engine._pool)
    assert (await epic.engine.epic(epic.id)).status == "paused"
    assert (await epic.engine.advance(epic.id)).status == "paused"

    await epic.engine.resume(epic.id)
    view = await epic.engine.advance(epic.id)

    second = await epic.engine.approval(epic.id)
    assert (view.step, view.status, view.problem) == ("plan_gate", "waiting", None)
    assert (second.id != first.id, second.moment, second.status, second.votes) == (True, first.moment + 1, "pending", ())
    assert second.content_hash == first.content_hash
    for who in ("ben", "carla"):
        with acting_as(person(who)):
            await epic.engine.decide(epic.id, says("approve"))
    assert (await epic.engine.advance(epic.id)).step == "merge_gate"


async def test_an_epic_ends_where_the_policy_says_so_and_nobody_decides(begin_under):
    epic = await begin_under('[approvals.plan_gate]\nexpires = "1h"\non_expiry = "reject"\n')
    await epic.engine.advance(epic.id)
    await epic.rows("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE epic_id = %s RETURNING 1")
    from engine.approvals.sweeping import sweep_approvals

    await sweep_approvals(epic.engine._pool)

    assert (await epic.engine.advance(epic.id)).status == "rejected"
    (approval,) = await epic.engine.approvals(epic=epic.id)
    assert (approval.status, approval.decided_by) == ("expired", "the policy")


async def test_the_terms_of_a_fork_are_those_of_its_repository_and_its_requester_is_who_forked(begin_under):
    from engine.time_machine.orders import Fork

    epic = await begin_under("[approvals]\nown = false\n")
    view = await epic.engine.advance(epic.id)
    with acting_as(BEN):
        fork = await epic.engine.fork(epic.id, Fork(at=view.moment, by="whoever"))
        await epic.engine.resume(fork.id)

        with pytest.raises(NotEligible, match="ben asked for this epic"):
            await epic.engine.decide(fork.id, says("approve"))

    assert (fork.requested_by, fork.forked_from) == ("ben", epic.id)
    with acting_as(ANNA):
        assert (await epic.engine.decide(fork.id, says("approve"))).decided_by == "anna"


async def test_the_list_of_what_waits_for_somebody_is_what_that_person_may_decide(begin_under):
    epic = await begin_under('[approvals]\nown = false\nquorum = 2\nwho = ["anna", "group:leads"]\n')
    await epic.engine.advance(epic.id)
    lead, other = person("lena", "leads"), person("olaf")

    async def mine(who):
        with acting_as(who):
            return [each.epic for each in await epic.engine.approvals(mine=True)]

    assert [await mine(who) for who in (ANNA, lead, other)] == [[], [epic.id], []]
    with acting_as(lead):
        await epic.engine.decide(epic.id, says("approve"))
    assert await mine(lead) == []


@pytest.mark.parametrize("how", ["fork", "rollback"])
async def test_a_gate_to_which_the_time_machine_leads_asks_under_the_terms_of_today(how, begin, small_repo, git):
    from engine.time_machine.orders import Fork, GoBack

    epic = await begin()
    view = await epic.engine.advance(epic.id)
    (small_repo / "genie.toml").write_text("[approvals]\nquorum = 2\n", encoding="utf-8")
    git(small_repo, "add", "genie.toml")
    git(small_repo, "commit", "--quiet", "--all", "--message", "Two must agree")
    there = epic.id

    if how == "fork":
        there = (await epic.engine.fork(epic.id, Fork(at=view.moment, by="eve"))).id
    else:
        await epic.engine.roll_back(epic.id, GoBack(to=view.moment, by="eve"))

    assert (await epic.engine.approval(there)).terms.quorum == 2


async def test_a_base_that_is_brought_in_brings_its_policy_along(begin_under, small_repo, git):
    epic = await begin_under("# Nobody need agree\n", auto_approve=True)

    async def change_the_policy() -> None:
        while (await epic.engine.epic(epic.id)).step in {"planning", "architect", "plan_gate"}:
            await asyncio.sleep(0.01)
        (small_repo / "genie.toml").write_text('[test]\ncommand = "true"\n[approvals]\nquorum = 2\n', encoding="utf-8")
        git(small_repo, "commit", "--quiet", "--all", "--message", "Two must agree")

    changing = asyncio.create_task(change_the_policy())
    view = await epic.engine.advance(epic.id)
    await changing

    # The yes counted where nobody knew better, and not for what the new base is part of.
    assert (view.status, view.step) == ("waiting", "merge_gate")
    assert (await epic.engine.approval(epic.id)).terms.quorum == 2
    assert any("2 people must approve" in why for told in await _told(epic, "approval_needs_person") for why in told["why"])
    for who in (ANNA, BEN):
        with acting_as(who):
            await epic.engine.decide(epic.id, says("approve"))
    assert (await epic.engine.advance(epic.id)).status == "merged"
