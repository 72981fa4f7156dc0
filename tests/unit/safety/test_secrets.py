"""Secrets become a mark wherever they stand."""

from __future__ import annotations

import pytest

from safety.secrets import MARK, Redactor, redact


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


@pytest.mark.parametrize(
    "written",
    ["correct/horse battery", "Y29ycmVjdC9ob3JzZSBiYXR0ZXJ5", "636f72726563742f686f7273652062617474657279", "correct%2Fhorse%20battery"],
    ids=["plain", "base64", "hex", "url"],
)
def test_a_known_secret_is_taken_out_however_programs_write_it(written):
    assert Redactor(["correct/horse battery"]).text(f"<{written}>").startswith(f"<{MARK}")


def test_json_keeps_its_form_and_names_are_looked_at_too():
    redactor = Redactor(["correct-horse"])

    clean = redactor.json({"a": ["correct-horse!", 5, None, {"correct-horse": True}], "b": "fine"})

    assert clean == {"a": [f"{MARK}!", 5, None, {MARK: True}], "b": "fine"}


def test_a_key_of_genie_has_a_shape():
    assert redact(f"use gk_aB3dE6gH_{'x' * 43} here") == f"use {MARK} here"


def test_what_is_found_is_named_and_marks_are_not_found_again():
    redactor = Redactor(["correct-horse"])
    text = "correct-horse, xoxb-1234567890-ab and Authorization: Bearer abcdefgh"

    assert redactor.found_in(text) == ("known", "Slack token", "login")
    assert redactor.found_in(redactor.text(text)) == ()


@pytest.mark.parametrize("word", ["postgres", "Password", "changeme", "postgresql"])
def test_a_password_that_everybody_knows_is_not_taken_out_of_ordinary_text(word):
    text = f"Move db/{word}.py, and read what {word} says."

    assert Redactor([word]).text(text) == text
    assert Redactor([word]).found_in(text) == ()
    assert Redactor([word]).text(f"postgresql://me:{word}@host/db") == f"postgresql://me:{MARK}@host/db"


LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"


@pytest.mark.parametrize(
    "text, kept",
    [
        ("Refuse files with `-----BEGIN PRIVATE KEY-----`. Then test it.", f"Refuse files with `{MARK}`. Then test it."),
        ("a.py:1:-----BEGIN PRIVATE KEY-----\nb.py:2:x", f"a.py:1:{MARK}\nb.py:2:x"),
        (f"-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\nMIIE", MARK),
        (f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{LINE}\n{LINE[:25]}", MARK),
        (f'-----BEGIN PRIVATE KEY-----\\n{LINE}\\n{LINE}\\n" and more', f'{MARK}\\n" and more'),
        (f"+-----BEGIN PRIVATE KEY-----\n+{LINE}\n+{LINE}\n", f"+{MARK}\n"),
        (f" 1\t-----BEGIN PRIVATE KEY-----\n 2\t{LINE}\n", f" 1\t{MARK}\n"),
        (f"-----BEGIN EC PRIVATE KEY-----\n{LINE}\nx==\n-----END EC PRIVATE KEY----- on", f"{MARK} on"),
    ],
    ids=["spoken of", "found", "cut off", "cut off with headers", "cut off in JSON", "cut off in a diff", "cut off with numbers", "whole"],
)
def test_a_private_key_goes_with_all_its_lines_and_with_nothing_else(text, kept):
    assert redact(text) == kept
