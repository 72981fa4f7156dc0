"""Signatures, held against the example that the specification of Standard Webhooks publishes."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from epics.errors import InvalidInput
from safety.signatures import is_fresh, is_hmac, is_standard, key_in, new_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIME = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_specification_is_signed_as_it_says():
    assert sign(SECRET, ID, TIME, BODY) == SIGNATURE


@pytest.mark.parametrize("given", [SIGNATURE, f"v1,bm9ldHU= {SIGNATURE}", f"v1a,xyz {SIGNATURE} v1,AAAA"])
def test_one_right_signature_is_enough(given):
    assert is_standard(SECRET, ID, str(TIME), BODY, given)


@pytest.mark.parametrize(
    "secret, message, time, body, given",
    [
        ("whsec_" + "A" * 43 + "=", ID, str(TIME), BODY, SIGNATURE),
        (SECRET, ID + "x", str(TIME), BODY, SIGNATURE),
        (SECRET, ID, str(TIME + 1), BODY, SIGNATURE),
        (SECRET, ID, str(TIME), BODY + b" ", SIGNATURE),
        (SECRET, ID, str(TIME), BODY, SIGNATURE.replace("v1,", "v2,")),
        (SECRET, ID, str(TIME), BODY, SIGNATURE.removeprefix("v1,")),
        (SECRET, ID, str(TIME), BODY, "v1,"),
        (SECRET, ID, str(TIME), BODY, "v1,é"),
        (SECRET, ID, str(TIME), BODY, ""),
    ],
)
def test_anything_else_is_not_signed(secret, message, time, body, given):
    assert not is_standard(secret, message, time, body, given)


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ", "whsec_" + "A" * 200, "whsec_!!!!"])
def test_a_secret_of_another_form_is_refused_and_not_repeated(secret):
    with pytest.raises(InvalidInput) as refused:
        key_in(secret)

    assert len(secret) < 7 or secret not in str(refused.value)


def test_no_two_new_secrets_are_the_same():
    assert len({new_secret() for _ in range(20)}) == 20
    assert len(key_in(new_secret())) == 32


def test_the_example_of_github_is_signed_as_its_documentation_says():
    given = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert is_hmac(b"It's a Secret to Everybody", b"Hello, World!", given)
    assert not is_hmac(b"It's a Secret to Everybody", b"Hello, World", given)


def test_a_signature_may_be_in_base64():
    import base64

    digest = hmac.new(b"k", b"body", hashlib.sha256).digest()

    assert is_hmac(b"k", b"body", base64.b64encode(digest).decode())
    assert not is_hmac(b"k", b"body", "")


@pytest.mark.parametrize("given, fresh", [("1000", True), ("701", True), ("1299", True), ("699", False), ("1301", False)])
def test_a_message_is_fresh_for_five_minutes_to_both_sides(given, fresh):
    assert is_fresh(given, 1000) is fresh


@pytest.mark.parametrize("given", ["", "now", "-1000", "1000.0", "٣", "1" * 5_000])
def test_what_is_no_time_is_not_fresh(given):
    assert not is_fresh(given, 1000)
