"""What can go wrong around who may do what, and what is kept secret."""

from __future__ import annotations

from epics.errors import GenieError, NotFound


class Unauthenticated(GenieError):
    """Nobody who is known asks: no key or token, or one that does not hold. Why is told to the log only."""

    code = "unauthenticated"


class Forbidden(GenieError):
    """Who asks is known, and may not do this; the message says what it needs."""

    code = "forbidden"


class NotEligible(Forbidden):
    """The approval policy of the gate lets others decide, not this person; the message says who may."""

    code = "not_eligible"


class TooManyRequests(GenieError):
    """This key, or this address, asks more often than it may."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after_s: float) -> None:
        """Keep in how many seconds it may ask again."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class KeyNotFound(NotFound):
    """There is no key with that id or prefix."""

    code = "key_not_found"


class PersonNotFound(NotFound):
    """There is no person with that name."""

    code = "person_not_found"


class SecretNotFound(NotFound):
    """There is no stored secret with that name."""

    code = "secret_not_found"


class SecretUnreadable(GenieError):
    """A stored secret cannot be opened with the key that is set; the message says which key it needs."""

    code = "secret_unreadable"


class AuditBroken(GenieError):
    """The audit's chain does not hold; the message names the row."""

    code = "audit_broken"
