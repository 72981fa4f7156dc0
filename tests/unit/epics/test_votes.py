from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from epics.approvals import Choice, Decision
from epics.errors import AlreadyVoted, InvalidInput
from epics.votes import Vote, decision_with

AT = datetime(2026, 11, 21, tzinfo=UTC)


def vote(person: str, choice: str = "approve", comment: str = "", **more: object) -> Vote:
    return Vote.model_validate({"person": person, "choice": choice, "comment": comment, "channel": "http", "at": AT, **more})


def says(person: str, choice: str = "approve", comment: str = "", **more: object) -> Decision:
    return Decision.model_validate({"choice": choice, "comment": comment, "by": person, "channel": "cli", **more})


def test_one_person_is_enough_where_one_is_asked_and_its_words_stay_as_they_are():
    asked = says("anna", comment="  verbatim\n")

    assert decision_with(asked, [], 1) == asked


def test_the_last_of_the_quorum_decides_for_all():
    assert decision_with(says("anna"), [], 3) is None
    assert decision_with(says("ben"), [vote("anna")], 3) is None

    made = decision_with(says("carla", comment="Go."), [vote("anna", comment="Fine."), vote("ben")], 3)

    assert made is not None
    assert (made.by, made.comment, made.channel) == ("anna, ben, carla", "anna: Fine.\n\ncarla: Go.", "cli")


def test_raises_by_other_amounts_are_not_the_same():
    before = [vote("anna", "raise", amount_usd="5")]

    assert decision_with(says("ben", "raise", amount_usd=Decimal(6)), before, 2) is None
    assert decision_with(says("ben", "raise", amount_usd=Decimal("5.00")), before, 2) is not None


def test_what_means_nothing_beside_a_choice_makes_it_no_other_one():
    made = decision_with(says("ben", amount_usd=Decimal(6)), [vote("anna", to=3)], 2)

    assert made is not None
    assert made.by == "anna, ben"


def test_the_same_twice_is_refused_and_another_choice_is_not():
    with pytest.raises(AlreadyVoted, match="anna has said approve already"):
        decision_with(says("anna"), [vote("anna")], 2)

    made = decision_with(says("anna", "changes", "No."), [vote("anna", comment="Yes.")], 2)

    assert made is not None
    # What was said before was taken back.
    assert (made.choice, made.by, made.comment) == (Choice.CHANGES, "anna", "No.")


@pytest.mark.parametrize("choice", ["changes", "reject", "abandon"])
def test_one_person_can_always_stop_it(choice):
    made = decision_with(says("ben", choice, "Stop."), [vote("anna")], 5)

    assert made is not None
    assert (made.by, made.comment) == ("ben", "ben: Stop.")


def test_more_words_than_fit_are_refused_and_not_cut():
    with pytest.raises(InvalidInput, match="30,0"):
        decision_with(says("ben", comment="b" * 15_000), [vote("anna", comment="a" * 15_000)], 2)


def test_many_words_of_one_keep_nobody_from_saying_the_same_or_from_stopping_it():
    # Counted with the name under which it would be told beside others.
    with pytest.raises(InvalidInput, match="20,006"):
        decision_with(says("anna", comment="a" * 20_000), [], 2)
    longest = "a" * 19_994
    assert decision_with(says("anna", comment=longest), [], 2) is None

    agreed = decision_with(says("ben"), [vote("anna", comment=longest)], 2)
    stopped = decision_with(says("ben", "reject", "b" * 20_000), [vote("anna", comment=longest)], 2)
    differs = decision_with(
        says("ben", "raise", "Go.", amount_usd=Decimal(1)), [vote("anna", comment=longest), vote("eve", "raise", amount_usd="1")], 2
    )

    assert agreed is not None
    assert agreed.comment == f"anna: {longest}"
    assert stopped is not None
    assert stopped.comment == "b" * 20_000
    assert differs is not None
    assert (differs.by, differs.comment) == ("eve, ben", "ben: Go.")


def test_one_who_decides_alone_may_write_as_much_as_a_decision_holds():
    made = decision_with(says("anna", comment="a" * 20_000), [], 1)

    assert made is not None
    assert made.comment == "a" * 20_000
