"""Whether a message from outside is what its source signed, and how it is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from config.hooks import HookSource
from db.hooks import Delivery
from epics.errors import HookRefused
from safety.signatures import is_fresh, is_hmac, is_standard

_MOST_ID = 200


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A message whose signature is right."""

    delivery: Delivery
    event: str | None
    """As its header says; the type is in the payload where there is no such header."""


def check_signature(source: HookSource, headers: Mapping[str, str], body: bytes, now: float) -> Signed:
    """Hold a message against its source.

    Args:
        source: who it says it is from.
        headers: with names in lower case.
        body: as it came.
        now: seconds of the Unix epoch.

    Raises:
        HookRefused: if it is not signed, or signed otherwise, or too old; the message is for the log.
    """
    settings, secret = source.settings, source.secret.get_secret_value()
    match settings.verify:
        case "standard":
            given, name = _needed(headers, "webhook-signature"), _needed(headers, "webhook-id")
            time = _fresh(headers, "webhook-timestamp", now)
            right = is_standard(secret, name, time, body, given)
            # Each try has a time of its own, and so a signature of its own: the id, which is signed too, is what stays.
            return _signed(source, right=right, name=name, known_by=name, event=None)
        case "github":
            given, name = _needed(headers, "x-hub-signature-256"), _needed(headers, "x-github-delivery")
            right = given.startswith("sha256=") and is_hmac(secret.encode(), body, given.removeprefix("sha256="))
            return _signed(source, right=right, name=name, known_by=_hash(body), event=headers.get("x-github-event", ""))
        case "hmac":
            given = _needed(headers, settings.signature_header)
            signed = body
            if settings.timestamp_header is not None:
                signed = f"{_fresh(headers, settings.timestamp_header, now)}.".encode() + body
            bare = given.removeprefix(settings.signature_prefix)
            right = given.startswith(settings.signature_prefix) and is_hmac(secret.encode(), signed, bare)
            known_by = _hash(signed)
            name = _needed(headers, settings.id_header) if settings.id_header is not None else known_by
            event = headers.get(settings.event_header, "") if settings.event_header is not None else None
            return _signed(source, right=right, name=name, known_by=known_by, event=event)


def _signed(source: HookSource, *, right: bool, name: str, known_by: str, event: str | None) -> Signed:
    if not right:
        message = "the signature is wrong"
        raise HookRefused(message)
    if len(name) > _MOST_ID or not name.isprintable():
        message = f"the id of the delivery has more than {_MOST_ID} characters, or some that cannot be printed"
        raise HookRefused(message)
    return Signed(delivery=Delivery(source=source.name, id=name, signed=known_by), event=event)


def _hash(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()


def _needed(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        message = f"there is no header {name}"
        raise HookRefused(message)
    return value


def _fresh(headers: Mapping[str, str], name: str, now: float) -> str:
    value = _needed(headers, name)
    if not is_fresh(value, now):
        message = f"the time in {name} is {value[:30]!r}, too far from now"
        raise HookRefused(message)
    return value
