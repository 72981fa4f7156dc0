"""What leaves this machine holds no secret that can be told from other text."""

from __future__ import annotations

import json

import pytest

from safety.scrubbing import Scrubber, is_scrubbed, same_but_for_secrets
from safety.secrets import MARK

SECRET = "hunter22-Correct"


@pytest.mark.parametrize(
    "text",
    [
        f"export DB_PASSWORD={SECRET}",
        f'STRIPE_API_KEY="{SECRET}"',
        f"aws_secret_access_key = {SECRET}",
        f"token: {SECRET}",
        f"client_secret: '{SECRET}'",
        f"$env:GH_PAT={SECRET}",
        f"password => {SECRET}",
        f"https://example.org/x?access_token={SECRET}&page=2",
        f"https://example.org/x?X-Amz-Signature={SECRET}",
        f"git clone https://{SECRET}@example.org/x.git",
        f"git clone https://me:{SECRET}@example.org/x.git",
        f"postgresql://me:{SECRET}@host/db",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: {SECRET}",
        f"curl -H 'Authorization: Basic {SECRET}' x",
        f"headers = {{'Authorization': 'Bearer {SECRET}'}}",
        json.dumps({"headers": {"Authorization": f"Bearer {SECRET}"}}),
        json.dumps(json.dumps({"password": SECRET})),
        f"PRIVATE-TOKEN: {SECRET}",
        f"Cookie: session={SECRET}; theme=dark",
        f"Set-Cookie: sid={SECRET}; Path=/",
        'password = "two words of ' + SECRET + '"',
    ],
)
def test_what_is_given_the_name_of_a_secret_is_gone(text):
    scrubber = Scrubber()

    clean = scrubber.text(text)

    assert SECRET not in clean
    assert MARK in clean
    assert scrubber.found >= 1


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_" + "a1B2" * 6,
        "whsec_" + "a1B2" * 6,
        "npm_" + "a1B2" * 9,
        "pypi-" + "a1B2" * 10,
        "https://hooks.slack.com/services/" + "T000/B000/" + "a1B2" * 6,
    ],
)
def test_more_shapes_are_known(secret):
    assert Scrubber().text(f"see {secret}").endswith(MARK)


@pytest.mark.parametrize(
    "text",
    [
        "The token is refreshed: see docs/tokens.md",
        "max_tokens=4096, input_tokens: 12",
        'token = "$TOKEN"',
        "password=None",
        "git@host:repo and http://host/path?page=2",
        "ssh://git@example.org/repo.git",
        "def f(password: str, *, key: int) -> None: ...",
    ],
)
def test_ordinary_text_stays_but_for_words_after_a_colon(text):
    clean = Scrubber().text(text)

    assert clean.count(MARK) <= 1
    assert len(clean) >= len(text) - 30


def test_json_is_scrubbed_by_name_and_by_text_and_keeps_its_form():
    scrubber = Scrubber(known=["correct-horse"])
    value = {"a": ["x correct-horse y", 3, None, 1.5], "api_key": SECRET, "n": {"passwords": [f"password={SECRET}"]}, "tokens": 7}

    clean = scrubber.json(value)

    assert clean == {"a": [f"x {MARK} y", 3, None, 1.5], "api_key": MARK, "n": {"passwords": [f"password={MARK}"]}, "tokens": 7}
    assert scrubber.found == 3


def test_scrubbing_again_finds_nothing_more():
    scrubber = Scrubber()
    once = scrubber.text(f"DB_PASSWORD={SECRET} Authorization: Bearer {SECRET} https://x/?token={SECRET} Cookie: a={SECRET}")

    again = Scrubber()

    assert again.text(once) == once
    assert again.found == 0


@pytest.mark.parametrize(
    "whole, is_same",
    [
        ("a=1 b=22 end", True),
        ("a= b= end", True),
        ("a=1 b=22 end.", False),
        ("x a=1 b=22 end", False),
        ("a=1 c=22 end", False),
        ("a=", False),
        ("", False),
        (None, False),
    ],
)
def test_any_text_may_stand_for_a_mark(whole, is_same):
    scrubbed = f"a={MARK} b={MARK} end"

    assert same_but_for_secrets(scrubbed, whole) is is_same
    assert same_but_for_secrets([{"n": 1, "t": scrubbed}], [{"n": 1, "t": whole}]) is is_same
    assert same_but_for_secrets([{"n": 1, "t": scrubbed}], [{"n": 2, "t": whole}]) is False


def test_what_was_scrubbed_is_known_by_its_mark():
    assert is_scrubbed({"a": [1, None, f"x {MARK}"]})
    assert not is_scrubbed({"a": [1, None, "x"], MARK: 2})
    assert not same_but_for_secrets({"a": 1}, {"a": 1, "b": 2})
    assert not same_but_for_secrets([1], [1, 2])


@pytest.mark.parametrize(
    "value",
    [
        {"max_tokens": 1_000_000, "content": "x"},
        {"token": "", "content": "c"},
        {"token": 1e30},
        {"content": "authorization: ", "x": 1},
        {"content": "x-api-key: "},
        {"content": "cookie:", "x": "y"},
    ],
)
def test_json_in_a_text_stays_json_and_what_is_no_secret_stays_in_it(value):
    written = json.dumps(value)

    assert Scrubber().text(written) == written
    assert Scrubber().json({"args": written}) == {"args": written}


def test_a_secret_in_json_in_a_text_goes_and_the_rest_stays():
    written = json.dumps({"max_tokens": 1_000_000, "token": "s3cr3t", "content": "Cookie: a=b"})

    assert json.loads(Scrubber().text(written)) == {"max_tokens": 1_000_000, "token": MARK, "content": f"Cookie: {MARK}"}
