"""An effect is known by what it does, and by nothing else."""

from __future__ import annotations

import pytest

from epics.effects import EffectKind, merging, opening_pull_request, publishing


def test_the_same_deed_has_the_same_key_whoever_asks_for_it():
    assert merging("/repo", "main", "c" * 40).key == merging("/repo", "main", "c" * 40).key


@pytest.mark.parametrize(
    "other",
    [
        merging("/other", "main", "c" * 40),
        merging("/repo", "next", "c" * 40),
        merging("/repo", "main", "d" * 40),
        publishing("/repo", "main", "c" * 40),
        merging("/rep", "omain", "c" * 40),
    ],
)
def test_a_deed_that_differs_in_anything_has_another_key(other):
    assert other.key != merging("/repo", "main", "c" * 40).key


def test_a_key_names_its_kind_and_is_short_whatever_the_title_is():
    key = opening_pull_request("/repo", "genie/b", "main", "c" * 40, "A title \N{PILE OF POO} " * 100).key

    assert key.startswith(f"{EffectKind.PULL_REQUEST}:")
    assert len(key) == len("pull_request:") + 64
