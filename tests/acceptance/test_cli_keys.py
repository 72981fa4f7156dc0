"""`genie key` and `genie person`, and what the command line is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Ended, Genie

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SECRET = "a-secret-for-tests-with-forty-characters"


def lines(ended: Ended) -> list[str]:
    return ended.err.strip().splitlines()


def test_a_key_is_shown_once_and_holds_its_holder_to_what_it_is_worth(genie: Genie):
    added = genie("person", "add", "anna", "--role", "approver", "--repo", "/srv/*", "--slack", "T024BE7LD/U012A3CDE", "--group", "leads")
    made = genie("key", "create", "--name", "laptop", "--role", "approver", "--repo", "/srv/*", "--person", "anna", "--expires", "90d")
    key = next(word for word in made.out.split() if word.startswith("gk_"))
    as_anna = {"GENIE_KEY": key}
    reading = genie("epic", "list", env=as_anna)
    elsewhere = genie("epic", "start", "Greet people", "--repo", "/other/x", env=as_anna)
    higher = genie("key", "create", "--name", "more", "--role", "admin", env=as_anna)
    listed = genie("key", "list", "--json")
    rotated = genie("key", "rotate", key[:11], "--grace", "0s", "--json")
    old = genie("epic", "list", env=as_anna)
    removed = genie("person", "remove", "anna")
    gone = genie("epic", "list", env={"GENIE_KEY": rotated.json()["key"]})

    assert (added.code, made.code, reading.code) == (0, 0, 0), added.err + made.err + reading.err
    assert made.out.count(key) == 1
    assert (elsewhere.code, higher.code) == (1, 1)
    assert "anna may not start here" in elsewhere.err or "to start there needs operator" in elsewhere.err
    assert "anna cannot give admin" in higher.err
    (item,) = listed.json()["items"]
    assert (item["person"], item["name"], item["prefix"], item["state"]) == ("anna", "laptop", key[3:11], "live")
    assert item["last_used_at"] is not None
    assert (rotated.code, old.code, removed.code, gone.code) == (0, 1, 0, 1)
    assert lines(old) == lines(gone) == ["genie: the key in GENIE_KEY does not hold in this database: set one that does, or unset it"]
    assert key.rpartition("_")[2] not in listed.out + elsewhere.err + higher.err + old.err + rotated.out


def test_a_token_is_alone_on_stdout_and_ends_when_it_is_taken_back(genie: Genie):
    set_up = {"GENIE_JWT_SECRET": SECRET}
    without = genie("key", "token", "--ttl", "10m")
    signed = genie("key", "token", "--ttl", "10m", "--role", "viewer", env=set_up)
    shown = {**set_up, "GENIE_KEY": signed.out.strip()}
    reading = genie("epic", "list", env=shown)
    writing = genie("webhook", "list", env=shown)
    ended = genie("key", "revoke", signed.id("t"), env=set_up)
    after = genie("epic", "list", env=shown)

    assert (without.code, signed.code, reading.code) == (2, 0, 0), signed.err + reading.err
    assert "GENIE_JWT_SECRET" in without.err
    assert signed.out.count(".") == 2
    assert len(signed.out.split()) == 1
    assert (writing.code, ended.code, after.code) == (1, 0, 1)
    assert "needs admin" in writing.err
    assert signed.out.strip() not in writing.err + after.err


def test_what_is_typed_wrong_is_told_in_a_line(genie: Genie):
    ended = [
        genie("key", "create", "--name", "x"),
        genie("key", "create", "--name", "x", "--role", "emperor"),
        genie("key", "create", "--name", "x", "--role", "viewer", "--expires", "soon"),
        genie("person", "add", "anna", "--slack", "anna"),
        genie("person", "set", "anna"),
    ]

    assert [each.code for each in ended] == [2] * len(ended)
    assert all(len(lines(each)) == 1 for each in ended), [each.err for each in ended]
