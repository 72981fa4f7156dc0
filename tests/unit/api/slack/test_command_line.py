"""What people type: verbs, options before the goal, and what is asked back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from api.slack.command_line import Line, Verb, amount_in, in_thread, meant, parsed
from epics.errors import InvalidInput


@pytest.mark.parametrize(
    "typed, line",
    [
        ("start Add a flag", Line(verb=Verb.START, text="Add a flag")),
        ("START  add a --version flag", Line(verb=Verb.START, text="add a --version flag")),
        (
            "start --repo R --base=B --budget $2.50 Go\non",
            Line(verb=Verb.START, text="Go\non", repo="R", base="B", budget_usd=Decimal("2.50")),
        ),
        ("start —repo R Go", Line(verb=Verb.START, text="Go", repo="R")),
        ('start "--repo stands in my goal --base x"', Line(verb=Verb.START, text="--repo stands in my goal --base x")),
        ("start “Add a flag”", Line(verb=Verb.START, text="Add a flag")),
        ("status", Line(verb=Verb.STATUS)),
        ("status e-0", Line(verb=Verb.STATUS, epic="e-0")),
        ("say e-0 two\nlines  here", Line(verb=Verb.SAY, epic="e-0", text="two\nlines  here")),
        ("cancel e-0", Line(verb=Verb.CANCEL, epic="e-0")),
        ("", Line(verb=Verb.HELP)),
        ("help me", Line(verb=Verb.HELP)),
    ],
)
def test_a_command_is_read_as_it_is_meant(typed, line):
    assert parsed(typed) == line


@pytest.mark.parametrize(
    "typed, why",
    [
        ("dance", "there is no `dance`"),
        ("start", "the goal is missing"),
        ("start --repo R", "the goal is missing"),
        ("start --colour red Go", "no option `--colour`"),
        ("start Go on --repo R", "options stand before the goal"),
        ("start --budget NaN Go", "no amount"),
        ("start --budget -1 Go", "no amount"),
        ("cancel", "name one epic"),
        ("status e-0 e-1", "name one epic"),
        ("say e-0", "say to whom"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_type(typed, why):
    with pytest.raises(InvalidInput, match=why):
        parsed(typed)


@pytest.mark.parametrize(
    "said, line",
    [
        ("add a --version flag", Line(verb=Verb.START, text="add a --version flag")),
        ("--repo R add it", Line(verb=Verb.START, text="add it", repo="R")),
        ("start over the parser", Line(verb=Verb.START, text="over the parser")),
        ("status", Line(verb=Verb.STATUS)),
        ("cancel e-0abc", Line(verb=Verb.CANCEL, epic="e-0abc")),
        ("", Line(verb=Verb.HELP)),
    ],
)
def test_a_mention_is_a_goal_unless_it_is_a_command(said, line):
    assert meant(said) == line


@pytest.mark.parametrize("said", ["status codes must be checked", "cancel the timer", "resume downloads", "help people to find the door"])
def test_a_mention_that_could_be_both_is_asked_about(said):
    with pytest.raises(InvalidInput, match="or a goal that begins with the word"):
        meant(said)


@pytest.mark.parametrize(
    "said, line",
    [
        ("Status", Line(verb=Verb.STATUS, epic="e-0")),
        ("cancel ", Line(verb=Verb.CANCEL, epic="e-0")),
        ("cancel the timer", Line(verb=Verb.SAY, epic="e-0", text="cancel the timer")),
        ("approvals", Line(verb=Verb.APPROVALS)),
    ],
)
def test_in_a_thread_one_word_is_a_command_and_more_is_said_to_the_agent(said, line):
    assert in_thread(said, "e-0") == line


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "inf", "1e999999999999"])
def test_an_amount_is_a_number_above_nothing(text):
    with pytest.raises(InvalidInput):
        amount_in(text)


@pytest.mark.parametrize("goal", ['"foo" must equal "bar"', "“foo” and “bar”", "'a' or 'b'", '"'])
def test_quotes_that_do_not_stand_around_the_whole_goal_are_part_of_it(goal):
    assert parsed(f"start {goal}").text == goal
