"""Which key the command line shows to a server: none to a host that it does not belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.settings import Settings
from epics.errors import InvalidInput
from safety.addresses import is_loopback
from safety.key_text import key_in

FILE: Final = "key"
"""The file in GENIE_HOME that a server on this machine makes."""

_MOST_CHARS: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class ServerKey:
    """What is shown to one server."""

    key: SecretStr | None
    origin: str
    """Where it comes from, for a sentence."""


def key_for(server: str, settings: Settings) -> ServerKey:
    """The key for the server at a URL: GENIE_KEY, or that in GENIE_HOME where the server is on this machine.

    Raises:
        InvalidInput: if GENIE_KEY would go to another machine in clear.
    """
    split = urlsplit(server)
    is_here = is_loopback(split.hostname)
    if settings.key is not None:
        if split.scheme == "http" and not is_here and not settings.allow_plain_http:
            raise InvalidInput(
                f"the key in GENIE_KEY would go to {split.hostname} in clear, for everybody on the way to read: use https, "
                "or set GENIE_ALLOW_PLAIN_HTTP=true where the way is closed"
            )
        return ServerKey(key=settings.key, origin="the key in GENIE_KEY")
    if not is_here:
        return ServerKey(key=None, origin="no key, since GENIE_KEY is not set")
    path = settings.home / FILE
    kept = _kept(path)
    return ServerKey(
        key=kept, origin=f"the key in {path}" if kept is not None else f"no key, since GENIE_KEY is not set and {path} has none"
    )


def _kept(path: Path) -> SecretStr | None:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            found = key_in(file.read(_MOST_CHARS).strip())
    except OSError:
        return None
    return None if found is None else SecretStr(found.text)
