"""What values of settings about hosts and networks are checked for."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from config.setting_types import words_in

_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def host_names(text: str) -> str:
    """Names of hosts, in small letters.

    Raises:
        ValueError: if one is none.
    """
    names = [word.lower().rstrip(".") for word in words_in(text)]
    for name in names:
        if not _NAME.fullmatch(name) and not _is_address(name):
            raise ValueError(name)
    return ",".join(names)


def networks(text: str) -> str:
    """Addresses and networks.

    Raises:
        ValueError: if one is none.
    """
    return ",".join(str(ipaddress.ip_network(word)) for word in words_in(text))


def web_origins(text: str) -> str:
    """Origins of web pages, as browsers send them.

    Raises:
        ValueError: if one is none; a star would let every page in.
    """
    origins = [word.lower().rstrip("/") for word in words_in(text)]
    for origin in origins:
        split = urlsplit(origin)
        if split.scheme not in {"http", "https"} or not split.hostname or origin != f"{split.scheme}://{split.netloc}" or "@" in origin:
            raise ValueError(origin)
    return ",".join(origins)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
