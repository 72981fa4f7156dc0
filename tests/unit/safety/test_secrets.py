"""Secrets become a mark wherever they stand."""

from __future__ import annotations

import pytest

from safety.secrets import MARK, redact


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-" + "a1B2" * 6,
        "sk-proj-" + "a1B2" * 6,
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 8,
        "glpat-" + "a1B2" * 5,
        "xoxb-" + "1234-" * 3 + "abc",
        "AKIA" + "ABCDEFGH12345678",
        "eyJhbGciOi" + "JI.eyJzdWIiOi" + "I.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_token_of_a_known_shape_is_gone(secret):
    assert redact(f"before {secret} after") == f"before {MARK} after"


@pytest.mark.parametrize(
    "text, kept",
    [
        ("Authorization: Bearer abcdef123", "Authorization: Bearer " + MARK),
        ("x-api-key: abcdef", "x-api-key: " + MARK),
        ("postgresql://me:hunter22@host/db", f"postgresql://me:{MARK}@host/db"),
    ],
)
def test_what_stands_in_a_secrets_place_is_gone(text, kept):
    assert redact(text) == kept


def test_a_known_value_is_gone_even_inside_of_a_longer_word():
    assert redact("key=correct-horse!", known=("correct-horse", "short")) == f"key={MARK}!"


def test_ordinary_text_stays():
    text = "sk-ating is fun; git@host:repo, http://host/path, AKIA is a town"

    assert redact(text, known=("is",)) == text
