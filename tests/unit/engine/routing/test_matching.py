"""Who is to do what was asked for: a table of requests, and what the scores are made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.catalog import Catalog
from engine.routing.candidates import EPIC_CANDIDATE, offered
from engine.routing.matching import Candidate, match, outcomes_of

CANDIDATES = (EPIC_CANDIDATE, *offered(Catalog.discover(points=())))

EXAMPLES = {
    "Review the last commit": "review",
    "Please review the branch `lamp` for security problems": "review",
    "Check the diff for mistakes": "review",
    "Add tests for the parser": "test",
    "Write the missing unit tests of durations": "test",
    "Document the public API": "document",
    "Update the README of the package": "document",
    "Write a changelog entry for the last release": "document",
    "Plan the move to the new storage": "planning",
    "Design a cache for the search": "architect",
    "Refactor the module durations": "refactor",
    "Simplify parsing.py without changing what it does": "refactor",
    "Write the pull request text for this branch": "pr",
    "Add a flag --json to the list command": "epic",
    "Add a median function with tests": "epic",
    "Implement a median function, with tests and a line in the README": "epic",
    "Fix the crash when the file is empty": "epic",
    "Fix the failing tests": "epic",
    "Support durations in weeks": "epic",
    "Make the search faster": "epic",
    "Remove the deprecated option --old": "epic",
    "Explain what the module durations is for": "simple",
    "Debug the crash of the parser": "claude_code",
    "Upgrade the library to version 3": "epic",
}

UNSURE = ("What is the weather like?", "Hello", "Paint the shed", "Das ist kaputt", "Überprüfe den letzten Commit")


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_request_goes_to_whose_skills_it_names(text: str) -> None:
    matched = match(text, CANDIDATES)

    assert matched.choice == EXAMPLES[text], [(score.agent, score.score, score.words) for score in matched.scores[:3]]


@pytest.mark.parametrize("text", UNSURE)
def test_a_request_that_fits_nobody_is_asked_about(text: str) -> None:
    matched = match(text, CANDIDATES)

    assert matched.choice is None
    assert "fits well" in matched.why or "too near" in matched.why


WORDS = (
    Candidate(agent="parrot", description="Repeats.", skills=("talk",)),
    Candidate(agent="cat", description="Sleeps.", skills=("talk",)),
)


def test_between_equals_the_scores_do_not_tell() -> None:
    matched = match("Talk to me", WORDS)

    assert matched.choice is None
    assert matched.why == "cat (0.67) and parrot (0.67) are too near to each other"


def test_who_did_well_before_is_ahead_of_who_failed() -> None:
    parrot, cat = (replace(candidate, done=done, failed=failed) for candidate, done, failed in zip(WORDS, (9, 1), (0, 6), strict=True))

    matched = match("Talk to me", (parrot, cat))

    assert [(score.agent, score.done, score.failed) for score in matched.scores] == [("parrot", 9, 0), ("cat", 1, 6)]
    assert matched.choice == "parrot"


def test_one_failure_says_little_and_no_run_says_nothing() -> None:
    assert outcomes_of(0, 0) == 0
    assert -0.05 < outcomes_of(0, 1) < 0 < outcomes_of(1, 0) < 0.05
    assert outcomes_of(0, 50) < -0.14


def test_who_is_busy_comes_behind_who_is_not_and_no_further_than_so_far() -> None:
    matched = match("Talk to me", (replace(WORDS[0], load=3), replace(WORDS[1], load=100)))

    assert [(score.agent, score.load) for score in matched.scores] == [("parrot", -0.06), ("cat", -0.1)]


def test_who_cannot_do_anything_is_skipped_with_the_reason() -> None:
    matched = match("Talk to me", (replace(WORDS[0], unavailable="it is broken: agent.py:3: no"), WORDS[1]))

    assert matched.choice == "cat"
    assert [(skipped.agent, skipped.why) for skipped in matched.skipped] == [("parrot", "it is broken: agent.py:3: no")]


def test_without_anybody_nobody_is_chosen() -> None:
    matched = match("Talk to me", ())

    assert (matched.choice, matched.why) == (None, "there is nobody who could do it")


def test_each_score_is_the_sum_of_what_it_is_made_of() -> None:
    matched = match("Review the last commit", tuple(replace(candidate, done=3, failed=1, load=2) for candidate in CANDIDATES))

    for score in matched.scores:
        assert score.score == pytest.approx(score.likeness + score.outcomes + score.load, abs=2e-4)
