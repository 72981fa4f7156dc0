"""Races: several attempts at one plan, side by side; the best is picked, by the rule or by a person, and the others stay."""

from __future__ import annotations

import pytest

from tests.integration.going_back.racing import WORK, file_at, until_rest, writing

GREETS = '[test]\ncommand = "grep -q hello greeting.txt"\n[limits]\nfix_rounds = 1\n'


@pytest.fixture
def small_repo(git_repo):
    return git_repo({"README.md": "Greetings.\n", "genie.toml": GREETS})


@pytest.fixture
def three(story):
    """Attempt 1 and 2 greet, 2 with more lines; 3 does not, whatever is fixed."""
    return story(*writing())


async def test_the_best_attempt_is_picked_by_the_rule_and_merged(travel, three, small_repo):
    epic = await travel(three, attempts=3)
    await epic.go("approve")

    view = await until_rest(epic.engine, epic.id)

    race = await epic.engine.race(epic.id)
    assert (view.status, view.step, view.race) == ("waiting", "merge_gate", "picked")
    assert [(entry.k, entry.rank, entry.score.passed, entry.status) for entry in race.entries] == [
        (1, 1, True, "cancelled"),
        (2, 2, True, "cancelled"),
        (3, 3, False, "cancelled"),
    ]
    assert (race.winner, race.picked_by) == (race.entries[0].fork, "the rule")
    assert race.entries[2].why[0] == "tests: failed"
    assert (await epic.go("approve")).status == "merged"
    assert file_at(small_repo, "HEAD", "greeting.txt") == WORK[1]
