"""Values that this process knows to be secret: variables that are named like one, and the logins of git."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_NAMED: Final = re.compile(r"(?i)KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|_PAT$|_DSN$|DATABASE_URL$")


def secrets_in(surroundings: Mapping[str, str], logins: Path | None) -> frozenset[str]:
    """Return the values of variables that are named like a secret, and the passwords in a file as `git credential-store` writes it."""
    named = [value for name, value in surroundings.items() if _NAMED.search(name)]
    try:
        lines = logins.read_text(encoding="utf-8", errors="replace").splitlines() if logins is not None else []
    except OSError:
        # Git itself says so where it needs the file.
        lines = []
    # Some variables name a file, and its name is no secret.
    kept = [value for value in named if value and not value.startswith(("/", "~"))]
    return frozenset(secret for value in (*kept, *lines) for secret in with_password(value))


def with_password(value: str) -> Iterator[str]:
    """Yield a value, and if it is a URL the password in it too, as it is written there and as it is meant."""
    if value.strip():
        yield value.strip()
    try:
        parts = urlsplit(value) if "://" in value else None
        user, password = (parts.username, parts.password) if parts is not None else (None, None)
    except ValueError:
        return
    # One that is the name of its user keeps nothing secret, and that name stands in ordinary text.
    if password and password != user:
        yield password
        yield unquote(password)
