"""Rows of the audit hold together, and the first that does not is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epics.access_errors import AuditBroken
from epics.audit import BEGINNING, Anchor, AuditRow, Chain, hash_of, hashed_text
from epics.errors import InvalidInput

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = ("person", "channel", "via", "address", "deed", "kind", "subject", "epic", "repo", "content_hash", "answer")
LENGTH = 9


def row(n: int, previous: str, **changed: Any) -> AuditRow:
    """A row with the hash that it must have."""
    texts = {**dict.fromkeys(NAMES, ""), "person": "ann", "channel": "cli", "deed": "start", "answer": "done", "data": "{}"}
    at = datetime(2026, 11, 21, 10, tzinfo=UTC) + timedelta(seconds=n)
    made = AuditRow.model_validate({**texts, "n": n, "at": at, "refused": False, "previous": previous, "hash": "", **changed})
    return made.model_copy(update={"hash": hash_of(made)})


def rows(count: int = LENGTH) -> list[AuditRow]:
    """A chain of so many rows."""
    made = list[AuditRow]()
    for n in range(1, count + 1):
        made.append(row(n, made[-1].hash if made else BEGINNING))
    return made


def end_of(chain: list[AuditRow]) -> Anchor:
    return Anchor(n=chain[-1].n, hash=chain[-1].hash)


def check(found: list[AuditRow], head: Anchor | None = None, anchor: Anchor | None = None, *, whole: bool = True) -> Chain:
    chain = Chain(anchor, whole=whole)
    for each in found:
        chain.add(each)
    chain.finish(head)
    return chain


def test_what_was_written_holds_together():
    written = rows()

    assert check(written, end_of(written), end_of(written[:4])).end == end_of(written)


def test_the_text_that_is_hashed_is_written_down():
    text = hashed_text(row(1, BEGINNING, person="Zoë", repo="a,b", data='{"yes":true}', refused=True))

    assert text == (
        "genie audit 1\n1:1,27:2026-11-21T10:00:01.000000Z,4:Zoë,3:cli,0:,0:,5:start,0:,0:,0:,3:a,b,0:,4:done,7:refused,"
        f'12:{{"yes":true}},64:{BEGINNING},'
    )


@settings(derandomize=True, max_examples=200)
@given(st.lists(TEXTS, min_size=len(NAMES), max_size=len(NAMES)), st.lists(TEXTS, min_size=len(NAMES), max_size=len(NAMES)))
def test_two_rows_that_differ_are_hashed_over_two_texts(one, other):
    texts = [hashed_text(row(1, BEGINNING, **dict(zip(NAMES, values, strict=True)))) for values in (one, other)]

    assert (texts[0] == texts[1]) == (one == other)


@settings(derandomize=True, max_examples=200)
@given(st.integers(1, LENGTH), st.sampled_from((*NAMES, "data", "at", "refused", "previous", "hash")))
def test_a_row_that_was_changed_is_named_whatever_was_changed_in_it(n, field):
    written = rows()
    values = {"at": datetime(2026, 1, 1, tzinfo=UTC), "refused": True, "previous": "ab" * 32, "hash": "ab" * 32, "data": '{"a":1}'}
    changed = [*written]
    changed[n - 1] = written[n - 1].model_copy(update={field: values.get(field, "mallory")})

    with pytest.raises(AuditBroken, match=rf"^row {n} of the audit was changed"):
        check(changed, end_of(written))


@settings(derandomize=True, max_examples=50)
@given(st.integers(1, LENGTH))
def test_a_row_that_was_changed_and_hashed_anew_is_named(n):
    written = rows()
    changed = [*written]
    changed[n - 1] = row(n, written[n - 1].previous, person="mallory")

    with pytest.raises(AuditBroken, match=rf"^row {n} of the audit was changed and hashed anew"):
        check(changed, end_of(written))


@settings(derandomize=True, max_examples=100)
@given(st.integers(1, LENGTH), st.integers(1, LENGTH))
def test_rows_that_were_taken_away_are_named(first, count):
    written = rows()
    left = written[: first - 1] + written[first - 1 + count :]

    with pytest.raises(AuditBroken, match=rf"^row {first} of the audit is missing"):
        check(left, end_of(written))


@settings(derandomize=True, max_examples=50)
@given(st.integers(1, LENGTH))
def test_a_row_that_was_put_in_is_named_also_where_all_behind_it_got_other_numbers(n):
    written = rows()
    forged = row(n, written[n - 1].previous, person="mallory")
    moved = [each.model_copy(update={"n": each.n + 1}) for each in written[n - 1 :]]

    with pytest.raises(AuditBroken, match=rf"^row {n + 1} of the audit was changed"):
        check([*written[: n - 1], forged, *moved], Anchor(n=LENGTH + 1, hash=written[-1].hash))


def test_a_row_behind_the_end_without_a_place_in_the_chain_is_named():
    written = rows()
    forged = row(LENGTH, "cd" * 32)

    with pytest.raises(AuditBroken, match=rf"^row {LENGTH} of the audit was changed and hashed anew, or put in"):
        check([*written[:-1], forged], end_of(written))


def test_two_rows_that_changed_places_are_found():
    written = rows()
    swapped = [*written[:3], row(4, written[4].previous), row(5, written[3].previous), *written[5:]]

    with pytest.raises(AuditBroken, match=r"^row 4 of the audit was changed and hashed anew, or put in"):
        check(swapped, end_of(written))


def test_only_an_anchor_finds_a_chain_that_was_written_anew_from_its_beginning():
    written, anew = rows(), list[AuditRow]()
    for n in range(1, LENGTH + 1):
        anew.append(row(n, anew[-1].hash if anew else BEGINNING, person="mallory"))

    check(anew, end_of(anew))
    with pytest.raises(AuditBroken, match=r"^row 4 of the audit is not the one that the anchor is of"):
        check(anew, end_of(anew), end_of(written[:4]))


def test_an_anchor_finds_that_the_end_was_taken_away_with_what_the_database_keeps_of_it():
    written = rows()

    with pytest.raises(AuditBroken, match=r"^row 5 of the audit is missing"):
        check(written[:4], end_of(written[:4]), end_of(written))


def test_a_part_begins_anywhere_and_an_anchor_before_it_is_refused():
    written = rows()

    assert check(written[3:], whole=False).first == written[3].n
    with pytest.raises(InvalidInput, match="the file begins at row 4"):
        check(written[3:], anchor=end_of(written[:2]), whole=False)


@pytest.mark.parametrize("text", ["", "1", "1:", ":ab", f"0x1:{BEGINNING}", f"1:{BEGINNING}0", f"-1:{BEGINNING}"])
def test_what_is_no_anchor_is_refused(text):
    with pytest.raises(InvalidInput, match="an anchor is"):
        Anchor.parsed(text)


def test_an_anchor_is_read_as_it_is_printed():
    anchor = end_of(rows())

    assert Anchor.parsed(f" {anchor}\n") == anchor
