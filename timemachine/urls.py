"""Which URLs of repositories Genie opens."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from epics.errors import InvalidInput
from safety.addresses import addresses_inside

SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})

_METADATA = IPv6Network("fd00:ec2::/32")
"""Where one cloud has its metadata service in IPv6."""


def is_url(repo: str) -> bool:
    """Say whether `repo` is a git URL and no path.

    Raises:
        InvalidInput: if it is a URL of a kind that Genie does not open.
    """
    if found := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)(://|::)", repo):
        if found[1].lower() not in SCHEMES or found[2] == "::":
            raise InvalidInput(f"{found[0]} is not a way to a repository that Genie opens: use {', '.join(sorted(SCHEMES))}, or a path")
        return True
    if re.match(r"[^/:\s]+:[^/@\s]+@[^/:\s]+:", repo) and not _is_there(Path(repo)):
        raise InvalidInput("the address holds a password, which Genie does not store: give user@host:path, and let ssh log in")
    return re.match(r"[^/:\s]+@[^/:\s]+:", repo) is not None and not _is_there(Path(repo))


def _is_there(path: Path) -> bool:
    """Whether there is something at a path; not where no path can be so, or where this process may not look."""
    try:
        return path.exists()
    except OSError:
        return False


def refuse_credentials(url: str) -> None:
    """See that the URL can be stored and shown.

    Raises:
        InvalidInput: if it holds a password or a token; the message does not repeat it.
    """
    if "://" not in url:
        return
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidInput("the URL of the repository cannot be read: write it as scheme://host/path") from error
    is_http = parts.scheme.lower() in ("http", "https")
    if parts.password is not None or (parts.username is not None and is_http) or (is_http and (parts.query or parts.fragment)):
        bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        way = "let ssh, a git credential helper or GENIE_GIT_CREDENTIALS log in"
        raise InvalidInput(f"the URL holds a login, which Genie does not store: give {bare}, and {way}")
    refuse_address(parts.hostname or "")


def refuse_detours(url: str) -> None:
    """See that a URL names its repository in the one way in which roles name it too.

    Raises:
        InvalidInput: if it goes up and down again; git would follow it to a repository that another pattern is about.
    """
    if any(unquote(part) in {".", ".."} for part in re.split(r"[/:\\]", unquote(url))):
        raise InvalidInput("the URL of the repository has `.` or `..` in its path: write the path as it is")


def refuse_address(host: str) -> None:
    """See that the host of a URL is none that only answers to this machine's own network card, as cloud metadata services do.

    Raises:
        InvalidInput: if it is.
    """
    address = _address_in(host)
    if address is None:
        return
    for each in (address, *(addresses_inside(address) if isinstance(address, IPv6Address) else ())):
        if each.is_link_local or each.is_multicast or each.is_unspecified or each in _METADATA:
            raise InvalidInput(f"{host} is no address that a repository can have: give the URL of a git server")


def _address_in(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, as git's own libraries read it: 2852039166 and 0xa9fea9fe are 169.254.169.254 to them."""
    bare = host.rstrip(".")
    try:
        return ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare))
    except (OSError, UnicodeError):
        return None
