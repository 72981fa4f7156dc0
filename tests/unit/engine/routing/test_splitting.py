"""Which parts a request is split into, and which of them wait for which."""

from __future__ import annotations

import time

import pytest

from engine.routing.splitting import Part, split
from epics.errors import InvalidInput

EXAMPLES = {
    "what is to be done in a case belongs to it": (
        "Run the linter and, if it fails, fix the errors in the parser",
        [("Run the linter and, if it fails, fix the errors in the parser", ())],
    ),
    "one sentence is one part": ("Add a flag --json to the list command", [("Add a flag --json to the list command", ())]),
    "a question is one part": ("Why does the parser lose empty lines?", [("Why does the parser lose empty lines?", ())]),
    "a numbered list": (
        "1. Review the parser\n2) Document the CLI\n",
        [("Review the parser", ()), ("Document the CLI", ())],
    ),
    "a list with bullets, and what stands before it": (
        "In the package `durations`:\n- review the parser\n- write the missing tests",
        [
            ("In the package `durations`: review the parser", ()),
            ("In the package `durations`: write the missing tests", ()),
        ],
    ),
    "an item that says then waits for all before it": (
        "- review the parser\n- look for slow tests\n- then write a summary",
        [("review the parser", ()), ("look for slow tests", ()), ("write a summary", (0, 1))],
    ),
    "and then": (
        "Review the last commit and then write the release notes",
        [("Review the last commit", ()), ("write the release notes", (0,))],
    ),
    "three steps wait for each other": (
        "Plan the change, then implement the plan. Finally, document what changed.",
        [("Plan the change", ()), ("implement the plan.", (0,)), ("document what changed.", (1,))],
    ),
    "two sentences that stand for themselves": (
        "Review the last commit. Please update the README of the package.",
        [("Review the last commit.", ()), ("update the README of the package.", ())],
    ),
    "an and between two whole requests": (
        "Review the last commit and document the public API",
        [("Review the last commit", ()), ("document the public API", ())],
    ),
    "find and fix is one thing": ("Find and fix the bug in the parser", [("Find and fix the bug in the parser", ())]),
    "what points back belongs to what it points at": (
        "Add a median function and test it. Document it in the README.",
        [("Add a median function and test it. Document it in the README.", ())],
    ),
    "then may point back": (
        "Implement a median function, then review it",
        [("Implement a median function", ()), ("review it", (0,))],
    ),
    "what tells no deed belongs to the request before": (
        "Review the parser. It loses empty lines. Write a summary of the tests.",
        [("Review the parser. It loses empty lines.", ()), ("Write a summary of the tests.", ())],
    ),
    "what is told first belongs to all": (
        "The release is tomorrow. Review the parser. Write the release notes.",
        [("The release is tomorrow. Review the parser.", ()), ("The release is tomorrow. Write the release notes.", ())],
    ),
    "quotations are not cut": (
        'Replace the text "Stop. Then go" in the dialog',
        [('Replace the text "Stop. Then go" in the dialog', ())],
    ),
    "code is not cut": (
        "Explain this:\n```\n- review\n- test\n```",
        [("Explain this:\n```\n- review\n- test\n```", ())],
    ),
    "a verb that is none": ("Test coverage is low. Add tests for the parser.", [("Test coverage is low. Add tests for the parser.", ())]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_request_is_split_into_what_it_asks_for(name: str) -> None:
    text, parts = EXAMPLES[name]

    assert split(text) == tuple(Part(text=said, needs=needs) for said, needs in parts)


def test_no_part_waits_for_one_behind_it() -> None:
    parts = split("- plan it\n- then review the plan\n- document the plan\n- then write a summary\n- and then send the mail")

    assert [part.needs for part in parts] == [(), (0,), (0,), (1, 2), (3,)]


def test_a_request_with_too_many_parts_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the request has 11 parts; at most 10"):
        split("\n".join(f"{n}. Review module {n}" for n in range(1, 12)))


def test_a_text_of_open_quotations_is_split_at_once():
    began = time.monotonic()

    assert len(split("“" * 20_000)) == 1
    assert time.monotonic() - began < 1
