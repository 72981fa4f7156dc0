"""What a key looks like."""

from __future__ import annotations

import pytest

from safety.key_text import NOBODYS_HASH, key_in, new_key
from safety.secrets import redact


def test_a_new_key_is_read_back_and_no_two_are_alike():
    keys = [new_key() for _ in range(200)]

    assert [key_in(key.text) for key in keys] == keys
    assert len({key.prefix for key in keys}) == len({key.hash for key in keys}) == 200


def test_a_rotated_key_keeps_its_prefix_and_nothing_else():
    before = new_key()

    after = new_key(before.prefix)

    assert after.prefix == before.prefix
    assert not after.has_hash(before.hash)
    assert after.has_hash(after.hash)


def test_nobody_has_the_hash_that_stands_in_for_none():
    assert not new_key().has_hash(NOBODYS_HASH)


def test_a_key_does_not_show_itself_and_is_known_as_a_secret():
    key = new_key()

    assert key.text not in repr(key)
    assert key.text not in redact(f"it said {key.text} and left")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gk_",
        "gk_abcdefgh",
        f"gk_abcdefgh_{'a' * 42}",
        f"gk_abcdefgh_{'a' * 44}",
        f"gk_abcdefg-_{'a' * 43}",
        f"GK_abcdefgh_{'a' * 43}",
        f"gk_abcdefgh_{'a' * 43}\n",
        f" gk_abcdefgh_{'a' * 43}",
        f"gk_abcdefgh_{'é' * 43}",
        f"gk_abcdefgh_{'٣' * 43}",
    ],
)
def test_what_has_another_form_is_no_key(text: str):
    assert key_in(text) is None
