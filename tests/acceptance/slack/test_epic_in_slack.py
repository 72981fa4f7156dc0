"""Whole epics that never leave Slack: every gate with its card, every choice with its form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from executors.scripts import Script
from tests.fakes.machine import until
from tests.fakes.slack.workspace import BOT_USER
from tests.fakes.story import GOAL, STORY, make_repository

if TYPE_CHECKING:
    from tests.acceptance.slack.conftest import Floor

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SAID = 'Name the tests after what they show.\n\n:point_right: keep "mean" & <b>its</b> docstring: 100 %'
GUIDANCE = "Once more :muscle:"
STAY = "Stay in stats.py and its tests."
CLICKS = 20
LOST = {"write": {"elsewhere.txt": "lost\n"}}


def wandering() -> Script:
    """The story, but that whoever implements it loses its way unless told to stay."""
    plays = [play.model_dump(mode="json") for play in STORY.plays]
    (good,) = [play for play in plays if play["workflow"] == "implement"]
    ends = {"output": {"summary": "I went elsewhere.", "addressed": []}}
    others = [play for play in plays if play["workflow"] != "implement"]
    return Script.model_validate(
        {"plays": [{**good, "when_brief_contains": STAY}, {"workflow": "implement", "turns": [LOST, ends]}, *others]}
    )


def test_an_epic_goes_from_a_command_through_every_kind_of_gate_to_its_merge(open_floor, tmp_path):
    repo = make_repository(tmp_path / "repo")
    with open_floor(wandering(), GENIE_AUTONOMY="ask") as floor:
        anna = floor.person()

        anna.command(f"start --repo {repo} --base main --budget 0.001 {GOAL}")
        _raise_the_budget(floor, anna)
        _ask_for_changes_and_approve(floor, anna)
        _fail_twice_and_go_back(floor, anna)
        card = _merge_with_all_at_once(floor, anna)

        floor.until_status("merged")
        floor.decided(card, "anna" if _winner(floor)[0] == "slack" else "")
        assert _merged(repo)
        assert all(not message.buttons or not _deciding(message) for message in floor.cards())
        _every_card_says_what_the_database_says(floor)


def _raise_the_budget(floor: Floor, anna: Any) -> None:
    card = floor.card("raise")
    anna.click(card, "raise")
    floor.submit(anna, amount="5")
    floor.decided(card, "anna")


def _ask_for_changes_and_approve(floor: Floor, anna: Any) -> None:
    first = floor.card("changes")
    before = len(floor.briefs("architect"))
    anna.click(first, "changes")
    floor.submit(anna, text=SAID)
    floor.decided(first, "anna")
    second = floor.card("approve")
    assert second.ts != first.ts
    assert SAID in floor.briefs("architect")[before]
    anna.click(second, "approve")
    floor.decided(second, "anna")


def _fail_twice_and_go_back(floor: Floor, anna: Any) -> None:
    failed = floor.card("retry")
    anna.click(failed, "retry")
    floor.submit(anna, text=GUIDANCE)
    floor.decided(failed, "anna")
    again = floor.card("rollback")
    assert GUIDANCE in floor.briefs("implement")[-1]
    anna.click(again, "rollback")
    until(lambda: floor.slack.workspace.views, "a form is open")
    options = floor.slack.workspace.views[-1]["blocks"][1]["element"]["options"]
    plan = next(option["value"] for option in options if "plan_gate" in option["text"]["text"])
    floor.submit(anna, moment=plan, text=STAY)
    floor.decided(again, "anna")


def _merge_with_all_at_once(floor: Floor, anna: Any) -> Any:
    card = floor.card("approve")
    assert STAY in floor.briefs("implement")[-1]
    approval = next(button["value"] for button in card.buttons if button["action_id"] == "genie_approve").partition(":")[0]
    server = floor.team.servers[0]

    def over_http() -> int:
        with floor.team.client() as client:
            return client.post(f"/approvals/{approval}/decision", json={"decision": "approve"}).status_code

    cli = server.machine.begin("approval", "approve", approval)
    with ThreadPoolExecutor(CLICKS + 2) as pool:
        clicks = [pool.submit(anna.click, card, "approve") for _ in range(CLICKS)]
        answers = [pool.submit(over_http) for _ in range(2)]
        acks, statuses = [click.result() for click in clicks], [answer.result() for answer in answers]
    won = [*(status == 200 for status in statuses), cli.end().code == 0, _winner(floor)[0] == "slack"]

    assert won.count(True) == 1
    until(lambda: len([text for text in anna.told if "Too late" in text]) == CLICKS - won[-1], "all others are told")
    assert all(ack.status == 200 for ack in acks)
    assert len(floor.team.rows("SELECT 1 FROM audit WHERE deed = 'decide' AND NOT refused AND subject = %s", approval)) == 1
    return card


def _winner(floor: Floor) -> Any:
    (row,) = until(
        lambda: floor.team.rows("SELECT channel, decided_by FROM approvals WHERE gate = 'merge_gate' AND decision IS NOT NULL"), "decided"
    )
    return row


def _merged(repo: Path) -> bool:
    from tests.fakes.git_server import git

    return "def median" in git(repo, "show", "main:stats.py")


def _deciding(message: Any) -> bool:
    return any(button["action_id"].startswith("genie_") for button in message.buttons)


def _every_card_says_what_the_database_says(floor: Floor) -> None:
    rows = floor.team.rows("SELECT id, decision, decided_by FROM approvals ORDER BY requested_at")
    assert [row[1] for row in rows] == ["raise", "changes", "approve", "retry", "rollback", "approve"]
    for approval, _, by in rows:
        (card,) = [message for message in floor.cards() if message.key.endswith(approval)]
        assert by in card.said


def test_an_epic_that_a_mention_starts_is_merged_by_socket_mode_though_the_line_breaks_and_slack_is_away(open_floor, tmp_path):
    repo = make_repository(tmp_path / "repo")
    with open_floor(STORY, socket_mode=True, repo=str(repo)) as floor:
        anna, slack = floor.person(), floor.slack

        message, deliver = anna.mention(GOAL)
        deliver()
        plan = floor.card("approve")
        slack.drop()
        until(lambda: slack.linked, "the line is there again")
        anna.click(plan, "approve")
        slack.die()
        until(lambda: floor.team.rows("SELECT 1 FROM approvals WHERE gate = 'merge_gate'"), "the epic goes on without Slack", every_s=0.1)
        slack.come_back()
        floor.decided(plan, "anna")
        merge = floor.card("approve")
        until(lambda: slack.linked, "the line is there again")
        anna.click(merge, "approve")
        floor.until_status("merged")
        floor.decided(merge, "anna")

        assert floor.epic()[2:] == (GOAL, "main", "anna")
        assert _merged(repo)
        assert {each.thread_ts for each in slack.workspace.messages() if each.user == BOT_USER} == {message.ts}
        assert len(floor.cards()) == 2
