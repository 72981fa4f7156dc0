"""Gates from the command line: they stop a command without a terminal, ask on one, and take the first decision."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from datetime import datetime

import pytest

from tests.fakes.standing import demo_at_its_plan_gate

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

GENIE = [sys.executable, "-P", "-c", "from cli.main import main; main()"]


@pytest.fixture(scope="module")
def standing(bring):
    """An epic that waits at its plan gate."""
    return bring(demo_at_its_plan_gate)


@pytest.fixture
def waiting(standing) -> str:
    """Its id."""
    return standing.id


def test_without_a_terminal_a_gate_stops_the_command_and_names_what_goes_on(genie, tmp_path):
    ended = genie("demo", "--ask", "--keep", str(tmp_path / "sample"))

    assert ended.code == 3
    assert "Add durations/rendering.py" in ended.out
    assert re.search(r"genie approval approve a-\w{10}\n", ended.out)
    assert re.search(r"genie epic resume e-\w{10}\n", ended.out)


def test_an_approved_plan_goes_on_to_the_next_gate_and_then_to_the_merge(genie, waiting):
    approved = genie("approval", "approve", waiting, "--comment", "go ahead", "--json")
    at_merge = genie("epic", "resume", waiting, "--json")
    shown = genie("approval", "show", waiting)
    second = genie("approval", "approve", at_merge.json()["waiting_on"], "--go", "--json")

    assert (approved.code, at_merge.code, shown.code, second.code) == (0, 3, 0, 0)
    assert approved.json()["decision"] == "approve"
    assert approved.json()["channel"] == "cli"
    assert at_merge.json()["step"] == "merge_gate"
    assert "+def render(seconds):" in shown.out
    assert second.json()["status"] == "merged"
    assert second.json()["waiting_on"] is None


def test_the_first_decision_counts_and_the_second_hears_who_made_it(genie, waiting):
    approval = genie("epic", "show", waiting, "--json").json()["waiting_on"]

    first, second = genie("approval", "reject", approval), genie("approval", "approve", approval)

    assert (first.code, second.code) == (0, 1)
    assert "already decided: reject" in second.err
    assert genie("epic", "resume", waiting).code == 1
    assert genie("epic", "show", waiting, "--json").json()["status"] == "rejected"


def test_changes_without_a_comment_are_refused_and_decide_nothing(genie, waiting):
    ended = genie("approval", "changes", waiting)

    assert ended.code == 2
    assert "--comment" in ended.err
    assert len(genie("approval", "list", "--json").json()["items"]) == 1


def test_a_plan_gate_takes_no_retry(genie, waiting):
    ended = genie("approval", "retry", waiting)

    assert ended.code == 2
    assert "approve, changes, reject" in ended.err


def test_a_comment_sends_the_plan_back_and_the_gate_asks_again(genie, waiting):
    before = genie("epic", "show", waiting, "--json").json()["waiting_on"]

    ended = genie("approval", "changes", waiting, "--comment", "name it better", "--go", "--json")

    assert ended.code == 3
    assert ended.json()["step"] == "plan_gate"
    assert ended.json()["waiting_on"] not in {before, None}


def test_a_cancelled_epic_stays_cancelled(genie, waiting):
    cancelled, resumed = genie("epic", "cancel", waiting, "--reason", "not today", "--json"), genie("epic", "resume", waiting)

    assert (cancelled.code, cancelled.json()["status"]) == (0, "cancelled")
    assert resumed.code == 1
    assert "cancelled" in resumed.err
    assert genie("approval", "list", "--json").json()["items"] == []


def test_an_unambiguous_beginning_of_an_id_is_enough(genie, waiting):
    ended = genie("epic", "show", waiting[:-1], "--json")

    assert ended.json()["id"] == waiting


def test_every_reading_command_prints_json_and_times_in_utc(genie, waiting):
    epic = genie("epic", "show", waiting, "--json").json()
    listed = genie("epic", "list", "--status", "waiting", "--json").json()
    approvals = genie("approval", "list", "--epic", waiting, "--json").json()
    logs = genie("epic", "logs", waiting, "--attempt", "1", "--json").json()
    diff = genie("epic", "diff", waiting, "--json").json()
    watched = genie("epic", "watch", waiting, "--json")

    assert epic["created_at"].endswith("Z")
    assert datetime.fromisoformat(epic["created_at"])
    assert [each["id"] for each in listed["items"]] == [waiting]
    assert [each["gate"] for each in approvals["items"]] == ["plan_gate"]
    assert [(turn["attempt"], turn["turn"]["n"]) for turn in logs["items"]] == [(1, 1), (1, 2)]
    assert "docs/decisions/0001-" in diff["diff"]
    assert watched.code == 3
    assert watched.out.splitlines()[0].startswith('{"id":1,"type":"epic_queued"')


def test_watching_shows_what_happened_and_ends_at_the_gate(genie, waiting):
    ended = genie("epic", "watch", waiting)

    assert ended.code == 3
    assert "planning     attempt 1" in ended.out
    assert f"genie epic resume {waiting}" in ended.out


def test_yes_at_resume_goes_through_both_gates(genie, waiting):
    ended = genie("epic", "resume", waiting, "--yes", "--json")

    assert ended.code == 0
    assert ended.json()["status"] == "merged"


def asks(text: str) -> bool:
    return text.rstrip().endswith("[l]ater >")


def test_on_a_terminal_each_gate_is_asked_and_the_epic_goes_on(terminal, genie, tmp_path):
    session = terminal("demo", "--ask", "--keep", str(tmp_path / "sample"))

    session.until(asks)
    session.type("maybe")
    session.until(asks)
    session.type("approve looks right")
    session.until(asks)
    session.type("a")
    code = session.end()

    assert code == 0, session.seen[-2000:]
    assert "Done when" in session.seen
    decided = genie("approval", "list", "--status", "approved", "--json").json()["items"]
    assert {each["gate"]: each["comment"] or "" for each in decided} == {"plan_gate": "looks right", "merge_gate": ""}
    assert {each["channel"] for each in decided} == {"cli"}


def test_later_leaves_the_gate_open(terminal, genie, waiting):
    session = terminal("epic", "resume", waiting)

    session.until(asks)
    session.type("later")
    code = session.end()

    assert code == 3
    assert len(genie("approval", "list", "--json").json()["items"]) == 1


def test_ctrl_c_at_a_gate_leaves_it_open(terminal, genie, waiting):
    session = terminal("epic", "resume", waiting)

    session.until(asks)
    session.process.send_signal(signal.SIGINT)
    code = session.end()

    assert code == 130, session.seen[-2000:]
    assert "go on with: genie epic resume e-" in session.seen
    assert len(genie("approval", "list", "--json").json()["items"]) == 1


def test_a_stopped_epic_goes_on_where_it_was(terminal, genie, tmp_path):
    command: tuple[str, ...] = ("demo", "--keep", str(tmp_path / "sample"))
    for number, step in ((signal.SIGINT, "planning"), (signal.SIGTERM, "architect"), (signal.SIGHUP, "implement")):
        session = terminal(*command)
        session.until(lambda text, begun=f"{step:<12} attempt": begun in text)

        session.process.send_signal(number)

        assert session.end() == 130, number
        epic = re.search(r"genie epic resume (e-\w{10})", session.seen)
        assert epic is not None, number
        command = ("epic", "resume", epic[1])

    ended = genie(*command, "--json")
    assert ended.code == 0, ended.err
    assert ended.json()["status"] == "merged"


def test_a_reader_that_goes_away_stops_the_command_and_not_the_epic(genie, genie_environment, tmp_path):
    command = f'"$@" demo --keep {tmp_path}/sample | head -n 8'

    done = subprocess.run(
        ["/bin/sh", "-c", command, "sh", *GENIE],
        env=genie_environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Traceback" not in done.stderr
    epic = genie("epic", "list", "--json").json()["items"][0]
    assert epic["status"] == "queued"
    assert genie("epic", "resume", epic["id"], "--json").json()["status"] == "merged"
