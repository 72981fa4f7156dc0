"""Secrets that are planted, and a look at all that a database would give away."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.keyring import StoredKeyring

Dump = Callable[[], str]


@pytest.fixture
def dump(database_url: str) -> Dump:
    """All that `pg_dump` writes of the test's own database, as text; bytes stand in it in hex."""
    from db.embedded_process import find_binaries

    def read() -> str:
        done = subprocess.run(
            [str(find_binaries() / "pg_dump"), f"--dbname={database_url}"], check=True, capture_output=True, env={"PATH": os.defpath}
        )
        return done.stdout.decode("utf-8", "replace")

    return read


@pytest.fixture
def keyring_with(database: Any) -> Callable[[str], StoredKeyring]:
    """The keyring of the test's own database, with a master key."""
    from engine.keyring import StoredKeyring
    from engine.master_key import MasterKeys

    return lambda key: StoredKeyring(database.pool, MasterKeys(given=key))


def traces_of(secret: str, text: str) -> list[str]:
    """What of a secret is in a text: itself, or as base64 or hex write it, also from the middle of something longer."""
    return [form for form in _forms(secret) if form in text]


def _forms(secret: str) -> Iterator[str]:
    content = secret.encode()
    yield secret
    yield content.hex()
    for before in range(3):
        # In base64 a text looks otherwise at each of three places; its ends depend on what stands beside it.
        whole = base64.b64encode(b"." * before + content).decode()
        yield whole[4 if before else 0 : -4]
