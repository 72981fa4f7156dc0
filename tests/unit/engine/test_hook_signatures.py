"""Which messages from outside are believed."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from pydantic import SecretStr

from config.hooks import HookSource, SourceSettings
from engine.hook_signatures import check_signature
from epics.errors import HookRefused
from safety.signatures import sign

NOW = 1_800_000_000.0
BODY = b'{"type": "made"}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RULE = {"do": "resume", "epic": "{{ epic }}"}


def source(**settings: object) -> HookSource:
    given = SourceSettings.model_validate({"secret_env": "X", "rule": [RULE], **settings})
    return HookSource(name="here", settings=given, secret=SecretStr(SECRET))


def mac(signed: bytes) -> str:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


GITHUB = source(verify="github")
STANDARD = source(verify="standard")
PLAIN = source(verify="hmac", signature_header="X-Sig", id_header="X-Id", event_header="X-Event")
TIMED = source(verify="hmac", signature_header="X-Sig", signature_prefix="v1=", timestamp_header="X-Time")
RIGHT = {
    "github": (GITHUB, {"x-hub-signature-256": f"sha256={mac(BODY)}", "x-github-delivery": "d-1", "x-github-event": "issues"}),
    "standard": (
        STANDARD,
        {"webhook-id": "d-1", "webhook-timestamp": str(int(NOW)), "webhook-signature": sign(SECRET, "d-1", int(NOW), BODY)},
    ),
    "plain": (PLAIN, {"x-sig": mac(BODY), "x-id": "d-1", "x-event": "made"}),
    "timed": (TIMED, {"x-sig": f"v1={mac(f'{int(NOW)}.'.encode() + BODY)}", "x-time": str(int(NOW))}),
}


@pytest.mark.parametrize("kind, event", [("github", "issues"), ("standard", None), ("plain", "made"), ("timed", None)])
def test_what_is_signed_is_taken(kind, event):
    from_whom, headers = RIGHT[kind]

    signed = check_signature(from_whom, headers, BODY, NOW)

    assert signed.event == event
    assert signed.delivery.source == "here"
    assert signed.delivery.id == "d-1" or kind == "timed"


@pytest.mark.parametrize("kind", RIGHT)
def test_another_body_is_refused(kind):
    from_whom, headers = RIGHT[kind]

    with pytest.raises(HookRefused):
        check_signature(from_whom, headers, BODY + b" ", NOW)


@pytest.mark.parametrize(
    "kind, header", [(kind, header) for kind, (_, headers) in RIGHT.items() for header in headers if "event" not in header]
)
def test_a_message_that_lacks_a_header_is_refused(kind, header):
    from_whom, headers = RIGHT[kind]

    with pytest.raises(HookRefused):
        check_signature(from_whom, {name: value for name, value in headers.items() if name != header}, BODY, NOW)


@pytest.mark.parametrize("kind", ["standard", "timed"])
@pytest.mark.parametrize("now", [NOW - 301, NOW + 301])
def test_an_old_message_is_refused_where_its_time_is_signed(kind, now):
    from_whom, headers = RIGHT[kind]

    with pytest.raises(HookRefused, match="too far from now"):
        check_signature(from_whom, headers, BODY, now)


def test_another_time_than_the_signed_one_is_refused():
    for kind, header in (("standard", "webhook-timestamp"), ("timed", "x-time")):
        from_whom, headers = RIGHT[kind]
        with pytest.raises(HookRefused, match="wrong"):
            check_signature(from_whom, {**headers, header: str(int(NOW) + 1)}, BODY, NOW)


@pytest.mark.parametrize("kind", ["github", "plain"])
def test_a_replay_under_another_id_is_known_by_its_signature(kind):
    from_whom, headers = RIGHT[kind]
    name = "x-github-delivery" if kind == "github" else "x-id"

    first = check_signature(from_whom, headers, BODY, NOW).delivery
    again = check_signature(from_whom, {**headers, name: "d-2"}, BODY, NOW).delivery

    assert first.id != again.id
    assert first.signed == again.signed


def test_a_signature_of_one_letter_case_or_another_is_the_same_delivery():
    from_whom, headers = RIGHT["github"]
    upper = {**headers, "x-hub-signature-256": f"sha256={mac(BODY).upper()}", "x-github-delivery": "d-2"}

    assert check_signature(from_whom, upper, BODY, NOW).delivery.signed == check_signature(from_whom, headers, BODY, NOW).delivery.signed


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\x00b"])
def test_an_id_that_cannot_be_shown_is_refused(name):
    from_whom, headers = RIGHT["github"]

    with pytest.raises(HookRefused):
        check_signature(from_whom, {**headers, "x-github-delivery": name}, BODY, NOW)
