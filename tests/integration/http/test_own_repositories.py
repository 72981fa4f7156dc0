"""What somebody sees and may do who is trusted with one repository: the others are not there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from api.routes.events import encoded
from api.shown import LOOK_AGAIN_S, Shown, StillLetIn
from epics.callers import acting_as
from epics.roles import Grant, Role

if TYPE_CHECKING:
    from tests.fakes.indoors import Household, Indoors

pytestmark = pytest.mark.postgres

NO_EPIC = "e-0000000000"


@pytest.fixture(scope="module")
def own(household: Household) -> dict[str, str]:
    """The things of the repository that the keys are about."""
    return household.ids["own"]


@pytest.fixture(scope="module")
def other(household: Household) -> dict[str, str]:
    """Those of the other one."""
    return household.ids["other"]


@pytest.fixture(scope="module")
def viewer(indoors: Indoors, own: dict[str, str]) -> str:
    """A key of somebody who may look at the own repository."""
    return indoors.new_key("vera", Grant(role=Role.VIEWER, repo=own["repo"]))


@pytest.fixture(scope="module")
def operator(indoors: Indoors, own: dict[str, str]) -> str:
    """A key of somebody who may start there, and look everywhere."""
    return indoors.new_key("otto", Grant(role=Role.OPERATOR, repo=own["repo"]), Grant(role=Role.VIEWER))


@pytest.mark.parametrize("kind", ["epics", "runs", "approvals"])
def test_a_list_has_what_the_caller_may_read(indoors, own, other, viewer, operator, kind):
    seen = {row["id"] for row in indoors.ask("GET", f"/{kind}", viewer).json()["items"]}
    all_seen = {row["id"] for row in indoors.ask("GET", f"/{kind}", operator).json()["items"]}

    assert seen == {own[kind]}
    assert all_seen >= {own[kind], other[kind]}


def test_a_list_of_another_repository_is_empty(indoors, other, viewer):
    answer = indoors.ask("GET", "/epics", viewer, params={"repo": other["repo"], "status": "queued"})

    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("kind", ["epics", "runs", "approvals"])
def test_a_thing_elsewhere_is_told_of_as_one_that_is_not_there(indoors, other, viewer, kind):
    there = indoors.ask("GET", f"/{kind}/{other[kind]}", viewer)
    nowhere = indoors.ask("GET", f"/{kind}/{other[kind][:2]}0000000000", viewer)

    assert there.status_code == nowhere.status_code == 404
    assert there.json()["detail"].replace(other[kind], "") == nowhere.json()["detail"].replace(f"{other[kind][:2]}0000000000", "")


def test_the_beginning_of_an_id_means_what_the_caller_may_read(indoors, own, viewer, operator):
    common = own["epics"][:3]

    mine = indoors.ask("GET", f"/epics/{common}", viewer)
    both = indoors.ask("GET", f"/epics/{common}", operator)

    assert mine.json()["id"] == own["epics"]
    assert (both.status_code, both.json()["code"]) == (400, "invalid_input")


def test_what_is_refused_names_the_role_and_is_in_the_audit(indoors, own, viewer):
    answer = indoors.ask("POST", f"/epics/{own['epics']}/cancel", viewer)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "operator" in answer.json()["detail"]
    told = indoors.rows("SELECT person, deed, kind, subject, answer FROM audit WHERE refused ORDER BY n DESC LIMIT 1")
    assert told == [("vera", "steer", "epic", own["epics"], "forbidden")]


def test_another_epic_that_is_compared_with_must_be_readable_too(indoors, own, other, viewer):
    answer = indoors.ask("GET", f"/epics/{own['epics']}/compare", viewer, params={"with": other["epics"]})

    assert (answer.status_code, answer.json()["code"]) == (404, "epic_not_found")


def test_approving_in_advance_needs_who_may_approve(indoors, own, operator):
    order = {"goal": "Greet people", "repo": own["repo"], "executor": "scripted"}
    approver = indoors.new_key("ada", Grant(role=Role.APPROVER, repo=own["repo"]))

    asked = {key: indoors.ask("POST", "/epics", key, json={**order, "auto_approve": True}) for key in (operator, approver)}
    resumed = [indoors.ask("POST", f"/epics/{own['epics']}/resume", key, json={"auto_approve": True}) for key in (operator, approver)]
    plain = indoors.ask("POST", "/epics", operator, json=order)

    assert [answer.status_code for answer in asked.values()] == [403, 202]
    assert "approver" in asked[operator].json()["detail"]
    assert [answer.status_code for answer in resumed] == [403, 202]
    assert plain.status_code == 202


def test_an_idempotency_key_is_the_callers_own_and_tells_nobody_what_another_started(indoors, own, other, operator):
    named = {"Idempotency-Key": "build-1"}
    root = indoors.new_key("starter", Grant(role=Role.ADMIN))
    order = {"goal": "Greet people", "executor": "scripted"}

    first = indoors.ask("POST", "/epics", root, json={**order, "repo": other["repo"]}, headers=named)
    elsewhere = indoors.ask("POST", "/epics", operator, json={**order, "repo": own["repo"]}, headers=named)
    again = indoors.ask("POST", "/epics", root, json={**order, "repo": other["repo"]}, headers=named)

    assert (first.status_code, elsewhere.status_code) == (202, 202)
    assert "idempotency-replayed" not in elsewhere.headers
    assert first.json()["id"] not in elsewhere.text
    assert again.json()["id"] == first.json()["id"]


def test_no_way_of_writing_a_repository_leads_out_of_what_is_granted(indoors, own, other, tmp_path):
    inside = tmp_path / "granted"
    inside.mkdir()
    (inside / "link").symlink_to(other["repo"])
    key = indoors.new_key(
        "lena", Grant(role=Role.OPERATOR, repo=f"{tmp_path}/granted/**"), Grant(role=Role.OPERATOR, repo="https://host/team/**")
    )
    ways = [f"{inside}/link", f"{inside}/../../{other['repo']}", f"{inside}//..//x", other["repo"], "https://host/team/../other/x.git"]
    ways += ["https://host/team/%2e%2e/other/x.git", f"file://{other['repo']}"]

    started = [indoors.ask("POST", "/epics", key, json={"goal": "x", "repo": way, "executor": "scripted"}) for way in ways]
    run = [indoors.ask("POST", "/agents/pr/run/async", key, json={"repo": way, "executor": "scripted"}) for way in ways]
    read = [indoors.ask("GET", "/agents", key, params={"repo": way}) for way in ways]

    assert {answer.json()["code"] for answer in (*started, *run, *read)} == {"forbidden", "invalid_input"}
    assert [answer.status_code for answer in started].count(403) == 5
    assert own["repo"] not in str([answer.text for answer in started])


@pytest.mark.parametrize("length", [300, 900_000], ids=["longer than any file's name", "longer than any name"])
def test_a_name_that_no_repository_can_have_is_refused_without_ado(indoors, own, length):
    key = indoors.new_key(f"lea-{length}", Grant(role=Role.OPERATOR, repo=f"{own['repo']}/**"))
    ways = [f"{own['repo']}/{'a' * length}", f"git@host:{'a' * length}"]

    answers = [indoors.ask("POST", "/epics", key, json={"goal": "x", "repo": way, "executor": "scripted"}) for way in ways]

    # What is longer than any name is not even held against the patterns of the roles: that would take the whole server its time.
    assert [answer.status_code for answer in answers] == ([400, 403] if length < 4_096 else [400, 400])
    assert [answer for answer in answers if len(answer.content) > 2_000] == []


def test_a_stream_ends_when_its_key_is_revoked(indoors, own):
    key = indoors.new_key("sam", Grant(role=Role.VIEWER, repo=own["repo"]))

    assert indoors.run(streamed(indoors, own, key, "revoke")) == "ended"


def test_a_stream_ends_when_its_person_may_not_read_there_any_more(indoors, own):
    key = indoors.new_key("sue", Grant(role=Role.VIEWER, repo=own["repo"]))

    assert indoors.run(streamed(indoors, own, key, "take the role")) == "ended"


def test_a_stream_whose_key_holds_goes_on(indoors, own):
    key = indoors.new_key("sia", Grant(role=Role.VIEWER, repo=own["repo"]))

    assert indoors.run(streamed(indoors, own, key, "nothing")) == "goes on"


async def streamed(indoors: Indoors, own: dict[str, str], key: str, deed: str) -> str:
    """What becomes of a stream after a deed, when it is time to look again."""
    engine, now = indoors.engine, [0.0]
    caller = await engine.access.authenticate(key)
    still_let_in = StillLetIn(engine, Shown(caller=caller, bearer=key, address=""), own["repo"], clock=lambda: now[0])
    async with engine.news() as news:
        with acting_as(caller):
            told = engine.follow(own["epics"], news, after=10_000, stopping=asyncio.Event(), quiet_s=0.05)
        stream: Any = encoded(told, still_let_in)
        assert [await anext(stream), await anext(stream)] == [b": connected\n\n", b": quiet\n\n"]
        if deed == "revoke":
            await engine.access.revoke_key(caller.via)
        elif deed == "take the role":
            await engine.access.set_person(caller.person, grants=[Grant(role=Role.VIEWER, repo="/elsewhere")])
        before_it_is_time = await anext(stream)
        now[0] += LOOK_AGAIN_S
        after = await anext(stream, b"")
        await stream.aclose()
    assert before_it_is_time == b": quiet\n\n"
    return "goes on" if after else "ended"
