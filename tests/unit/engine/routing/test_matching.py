"""Who is to do what was asked for: a table of requests, and what the scores are made of."""

from __future__ import annotations

import pytest

from agents.registry import Registry
from engine.routing.candidates import EPIC_CANDIDATE, skills_of
from engine.routing.matching import Candidate, match

CANDIDATES = (
    EPIC_CANDIDATE,
    *(
        Candidate(agent=workflow.name, description=workflow.description, skills=skills)
        for workflow in Registry.discover().workflows.values()
        if (skills := skills_of(workflow.skills, workflow.description))
    ),
)

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
    "Upgrade the library to version 3": "epic",
}

UNSURE = ("What is the weather like?", "Hello", "Paint the shed", "Das ist kaputt")


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_request_goes_to_whose_skills_it_names(text: str) -> None:
    matched = match(text, CANDIDATES)

    assert matched.choice == EXAMPLES[text], [(score.agent, score.score, score.words) for score in matched.scores[:3]]


@pytest.mark.parametrize("text", UNSURE)
def test_a_request_that_fits_nobody_is_asked_about(text: str) -> None:
    matched = match(text, CANDIDATES)

    assert matched.choice is None
    assert "fits well" in matched.why or "too near" in matched.why
