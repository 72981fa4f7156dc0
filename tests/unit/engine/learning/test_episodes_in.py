"""What the rows of an epic tell: for whom, under which key, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.learning.deriving import episodes_in
from engine.learning.past import Past
from epics.knowledge import Episode, Group

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
EPIC = "e-0000000001"
DESIGN = {
    "summary": "One file.",
    "title": "A plain file",
    "context": "Somebody must greet.",
    "options": [{"name": "file", "weight": 8}, {"name": "table", "weight": 2}],
    "decision": "Write it.",
    "consequences": "It greets.",
}
TESTS = {"command": "make test", "source": "genie.toml", "passed": True}


def at(n: int) -> datetime:
    return BEGAN + timedelta(minutes=n)


def attempt(n: int, step: str, output: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    result = {"ended_by": "done", "output": output, "files": [], "tests": None, **more.pop("result", {})}
    return {"n": n, "step": step, "workflow": step, "result": result, "setup": None, "ended_at": at(n), **more}


def moment(n: int, step: str, of_attempt: int | None = None, **more: Any) -> dict[str, Any]:
    usual = {"parent": n - 1 or None, "outcome": "done", "note": "", "cost_usd": Decimal("0.12"), "created_at": at(n)}
    gone_back = {"way_back": None, "gone_back_by": None, "guidance": None}
    return {"n": n, "step": step, "attempt": of_attempt, **usual, **gone_back, **more}


MERGED = (
    moment(1, "planning", 1),
    moment(2, "architect", 2),
    moment(3, "plan_gate", outcome="decided"),
    moment(4, "implement", 3, outcome="failed"),
    moment(5, "implement", 4, parent=3),
    moment(6, "merge", note="merged to main at 0123456789ab"),
)
WORK = (
    attempt(1, "planning", {"summary": "Greet."}),
    attempt(2, "architect", DESIGN),
    attempt(3, "implement", result={"ended_by": "out_of_bounds", "files": ["elsewhere.txt"]}),
    attempt(4, "implement", {"summary": "Wrote it."}, result={"files": ["greeting.txt"], "tests": TESTS}),
)
FAILED = {
    "moment": 4,
    "attempt": 3,
    "step": "implement",
    "analysis": {"type": "scope_creep", "cause": "It was in haste.", "evidence": "elsewhere.txt", "prevention": "Read first."},
    "worked": {"attempt": 4, "said": "Kept to it.", "changed": [{"field": "tools"}]},
    "created_at": at(4),
}


def past(**rows: Any) -> Past:
    epic = {
        "id": EPIC,
        "goal": "Greet\npeople",
        "status": "merged",
        "project": "/repo",
        "imported": False,
        "kind": None,
        "requested_by": "ann",
    }
    whose = {"past_moment": 0, "past_attempt": 0, "taken": []}
    given = {"moments": MERGED, "attempts": WORK, "analyses": (FAILED,), "decisions": (), "sayings": (), **rows}
    return Past(**{**given, "epic": {**epic, **whose, **rows.get("epic", {})}})


def keyed(given: Past) -> dict[str, Episode]:
    return {episode.key.removeprefix(f"{EPIC}:"): episode for episode in episodes_in(given)}


def test_an_epic_tells_how_it_failed_what_worked_what_was_decided_and_what_was_merged():
    told = keyed(past())

    assert set(told) == {
        "3:genie_learning",
        "4:genie_patterns",
        "4:tests:genie_procedures",
        "m6:genie_patterns",
        "2:genie_decisions",
    }
    assert (
        told["3:genie_learning"].facts[0].text
        == "implement failed (scope_creep): It was in haste.\nPrevention: Read first.\nGoal: Greet people"
    )
    assert "this worked: Kept to it.\nSet up differently: tools" in told["4:genie_patterns"].body
    procedure = told["4:tests:genie_procedures"].facts[0]
    assert (procedure.subject, procedure.relation, procedure.object, procedure.replaces) == ("tests", "are run by", "make test", True)
    assert told["2:genie_decisions"].title == "A plain file"
    assert "Weighed: file (8 of 10), table (2 of 10)" in told["2:genie_decisions"].body
    merged = told["m6:genie_patterns"].facts[0].text
    assert merged == "Merged: Greet people\nWrote it.\nFiles: greeting.txt. It took 4 attempts and 0.12 USD."
    assert {episode.project for episode in told.values()} == {"/repo"}


def test_more_rows_only_add_episodes():
    before = keyed(past(moments=MERGED[:4], attempts=WORK[:3], analyses=({**FAILED, "worked": None},)))

    after = keyed(past())

    assert before.keys() < after.keys()
    assert all(after[key] == episode for key, episode in before.items())


def test_what_was_gone_back_from_is_not_what_was_merged():
    wrong = attempt(5, "implement", {"summary": "Went astray."}, result={"files": ["astray.txt"]})
    line = (*MERGED[:5], moment(6, "implement", 5), moment(7, "implement", 4, parent=3), {**MERGED[5], "n": 8, "parent": 7})

    told = keyed(past(moments=line, attempts=(*WORK, wrong)))

    assert "astray" not in told["m8:genie_patterns"].body


def test_a_fork_does_not_tell_its_sources_past():
    told = keyed(past(epic={"past_moment": 4, "past_attempt": 3}))

    assert set(told) == {"4:genie_patterns", "4:tests:genie_procedures", "m6:genie_patterns", "2:genie_decisions"}


def test_attempts_that_came_with_the_entry_of_a_race_are_told_by_the_entry():
    told = keyed(past(epic={"taken": [3, 4]}, analyses=()))

    assert set(told) == {"m6:genie_patterns", "2:genie_decisions"}


def test_a_revert_is_told_as_something_that_was_taken_back():
    back = moment(7, "merge", outcome="rolled_back", way_back="revert", gone_back_by="ann", guidance="It woke the neighbours.")
    line = (*MERGED, back, moment(8, "merge_gate", outcome="decided"), moment(9, "merge", note="merged to main at abc"))

    told = keyed(past(moments=line))

    assert told["m9:genie_learning"].facts[0].text == "ann had what was merged taken back: Greet people\nIt woke the neighbours."
    assert "m9:genie_patterns" not in told
    assert told["m7:genie_context"].source.by == "ann"


def test_people_are_told_with_their_names_and_reasons_apart_from_orders():
    gates = [
        {"id": "a-1", "gate": "plan_gate", "moment": 3, "decision": "changes", "decided_by": "ann", "comment": "Use tabs."},
        {"id": "a-2", "gate": "merge_gate", "moment": 5, "decision": "approve", "decided_by": "bob", "comment": "Good enough."},
    ]
    said = {"n": 1, "text": "Mind the tests.", "said_by": "eve", "said_at": at(2), "attempt": 3}

    told = keyed(past(decisions=[{**gate, "question": "?", "decided_at": at(3)} for gate in gates], sayings=[said]))

    assert told["a-1:genie_context"].facts[0].text == "At the plan gate, ann chose changes: Use tabs.\nGoal: Greet people"
    assert told["a-2:genie_decisions"].source.by == "bob"
    assert told["s1:genie_context"].facts[0].text == "eve said to the agent at work: Mind the tests.\nGoal: Greet people"


def test_failures_that_no_agent_can_avoid_teach_nothing():
    outage = {**FAILED, "analysis": {**FAILED["analysis"], "type": "provider"}}

    assert not {"3:genie_learning", "4:genie_patterns"} & set(keyed(past(analyses=(outage,))))


def test_a_run_tells_what_it_did_and_an_agent_tells_that_itself():
    work = attempt(1, "implement", {"summary": "Greets now."}, result={"files": ["a.py"]})
    run = {"id": "r-0000000001", "status": "done", "kind": "workflow"}

    told = episodes_in(past(epic=run, moments=(), attempts=(work,), analyses=()))
    by_agent = {**run, "kind": "agent"}
    asked = episodes_in(past(epic=by_agent, moments=(), attempts=(work, {**work, "n": 2}), analyses=()))

    assert [episode.key for episode in told] == ["r-0000000001:1:genie_patterns"]
    assert (told[0].source.kind, told[0].facts[0].text) == ("run", "implement was run: Greet people\nGreets now.\nFiles: a.py")
    assert asked == ()


def test_what_a_run_on_no_repository_taught_is_its_persons_own():
    saying = {"n": 1, "text": "Keep it short.", "said_by": "ann", "said_at": at(1), "attempt": 1}
    run = {"id": "r-0000000001", "status": "done", "kind": "agent", "project": ""}

    (told,) = episodes_in(past(epic=run, moments=(), attempts=(), analyses=(), sayings=(saying,)))

    assert told.project == "person:ann"


def test_words_without_end_are_cut_to_what_a_fact_holds():
    long = {**FAILED, "analysis": {**FAILED["analysis"], "cause": "why " * 5_000, "prevention": "sk-ant-abcdefghijklmnopqrstuvwxyz123456"}}

    (failed,) = (episode for episode in episodes_in(past(analyses=(long,))) if episode.group is Group.LEARNING)

    assert len(failed.facts[0].text) == 4_000
    assert "sk-ant" not in failed.body
