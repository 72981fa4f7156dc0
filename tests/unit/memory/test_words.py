"""Which words of a text are searched by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from memory.words import MOST_MATCHES, Commonness, any_of, chosen_words, quoted

COMMON = Commonness(shares={"the": 0.9, "test": 0.4, "cache": 0.01}, facts=100_000)


def test_the_rarest_words_come_first():
    assert chosen_words(["the", "test", "zanzibar", "cache"], COMMON) == ("zanzibar", "cache")


def test_a_text_of_common_words_alone_is_searched_by_the_least_common():
    assert chosen_words(["the", "test"], COMMON) == ("test",)


def test_where_little_is_known_every_word_counts():
    few = Commonness(shares={"the": 0.9}, facts=100)

    assert set(chosen_words(["the", "test", "cache"], few)) == {"the", "test", "cache"}


def test_words_are_taken_until_too_many_facts_would_match():
    even = Commonness(shares={f"w{n}": 0.01 for n in range(20)}, facts=100_000)

    chosen = chosen_words([f"w{n}" for n in range(20)], even)

    assert len(chosen) * 1_000 <= MOST_MATCHES < (len(chosen) + 1) * 1_000


@given(some.text(max_size=20))
def test_a_quoted_word_cannot_end_its_quotation(word):
    inside = quoted(word)[1:-1]

    assert inside.replace("\\\\", "").replace("''", "").count("'") == 0
    assert not inside.replace("\\\\", "").endswith("\\")


def test_any_word_is_enough():
    assert any_of(["lamp", "it's"]) == "'lamp' | 'it''s'"
