"""What is sealed opens with its key, where it was put, and nowhere else."""

from __future__ import annotations

import base64
import os
import re

import pytest

from epics.access_errors import SecretUnreadable
from epics.errors import InvalidSettings
from safety.master_keys import MasterKey, master_keys, new_master_key
from safety.sealed_texts import is_sealed, key_name
from safety.sealing import MOST_SEALS, Keyring, UnknownDataKey

SECRET = "correct horse battery staple"
HERE = "secrets.sealed:slack_bot_token"


def a_ring(*masters: MasterKey) -> tuple[Keyring, dict[str, str]]:
    """A keyring with one data key, and that key as it is kept."""
    ring = Keyring(masters or master_keys(new_master_key()))
    name, wrapped = ring.new_data_key()
    ring.learn({name: wrapped}, name)
    return ring, {name: wrapped}


@pytest.mark.parametrize("text", ["", "x", SECRET, "ünïcödé \ud800 \0", "long " * 10_000], ids=["empty", "one", "some", "odd", "long"])
def test_what_is_sealed_opens_where_it_was_put(text):
    ring, _ = a_ring()

    sealed = ring.seal(text, HERE)

    assert is_sealed(sealed)
    assert sealed.startswith("gs1.d-")
    assert ring.open(sealed, HERE) == text


def test_a_sealed_text_tells_nothing_of_what_is_in_it():
    ring, _ = a_ring()

    sealed = [ring.seal(SECRET, HERE) for _ in range(50)]

    assert len(set(sealed)) == 50
    assert not any(SECRET.encode() in base64.urlsafe_b64decode(each.split(".")[2] + "==") for each in sealed)


def test_a_sealed_text_that_is_put_elsewhere_does_not_open():
    ring, _ = a_ring()
    sealed = ring.seal(SECRET, HERE)

    with pytest.raises(SecretUnreadable, match="stands where it was not put"):
        ring.open(sealed, "secrets.sealed:jwt_secret")


@pytest.mark.parametrize("place", [30, 60, -5])
def test_a_sealed_text_that_was_changed_does_not_open(place):
    ring, _ = a_ring()
    sealed = ring.seal(SECRET, HERE)
    changed = [*sealed]
    changed[place] = "A" if changed[place] != "A" else "B"

    with pytest.raises(SecretUnreadable):
        ring.open("".join(changed), HERE)


def test_another_master_key_opens_nothing_and_says_which_one_it_takes():
    right = master_keys(new_master_key())
    ring, kept = a_ring(*right)
    sealed = ring.seal(SECRET, HERE)
    other = Keyring(master_keys(new_master_key()))
    other.learn(kept, ring.current)

    with pytest.raises(SecretUnreadable, match=right[0].name):
        other.open(sealed, HERE)
    with pytest.raises(SecretUnreadable, match=right[0].name):
        other.seal(SECRET, HERE)


def test_without_any_key_the_message_says_what_to_set():
    with pytest.raises(SecretUnreadable, match="GENIE_SECRET_KEY"):
        Keyring(()).seal(SECRET, HERE)


def test_a_data_key_that_was_made_meanwhile_is_known_by_its_error():
    ring, _ = a_ring()
    other, _ = a_ring()

    with pytest.raises(UnknownDataKey):
        other.open(ring.seal(SECRET, HERE), HERE)


def test_data_keys_that_are_sealed_anew_open_the_same_texts_with_the_new_key_only():
    old, new = master_keys(new_master_key()), master_keys(new_master_key())
    ring, kept = a_ring(*old)
    sealed = ring.seal(SECRET, HERE)
    both = Keyring((*new, *old))
    both.learn(kept, ring.current)

    anew = {name: both.rewrap(name) for name in kept}

    with_new, with_old = Keyring(new), Keyring(old)
    with_new.learn(anew, ring.current)
    with_old.learn(anew, ring.current)
    assert with_new.open(sealed, HERE) == SECRET
    with pytest.raises(SecretUnreadable, match=new[0].name):
        with_old.open(sealed, HERE)


def test_no_salt_is_used_for_more_seals_than_are_safe():
    ring, _ = a_ring()
    before = ring.seal(SECRET, HERE)
    ring.count = MOST_SEALS

    after = ring.seal(SECRET, HERE)

    assert base64.urlsafe_b64decode(before.split(".")[2] + "==")[:16] != base64.urlsafe_b64decode(after.split(".")[2] + "==")[:16]
    assert ring.open(before, HERE) == ring.open(after, HERE) == SECRET


def test_keys_are_read_in_base64_of_both_kinds_and_in_hex():
    key = os.urandom(32)
    texts = [base64.b64encode(key), base64.urlsafe_b64encode(key), base64.urlsafe_b64encode(key).rstrip(b"="), key.hex().encode()]

    assert {found.name for text in texts for found in master_keys(f"  {text.decode()}\n")} == {MasterKey(key).name}


def test_several_keys_are_read_and_the_first_one_seals():
    first, second = new_master_key(), new_master_key()

    both = master_keys(f"{first},\n{second}")

    ring, kept = a_ring(*both)
    assert len(both) == 2
    assert {key_name(wrapped) for wrapped in kept.values()} == {both[0].name}
    assert ring.first is both[0]


@pytest.mark.parametrize("text", ["short", "Z" * 64, base64.b64encode(bytes(31)).decode(), "%" * 44])
def test_what_is_no_key_is_refused_and_not_quoted(text):
    with pytest.raises(InvalidSettings) as refused:
        master_keys(text)

    assert text not in str(refused.value)


def test_neither_a_master_key_nor_a_keyring_prints_a_key():
    text = new_master_key()
    (key,) = master_keys(text)
    ring, _ = a_ring(key)

    assert re.fullmatch(r"MasterKey\(k-[0-9a-f]{16}\)", repr(key))
    assert text not in repr(ring)
