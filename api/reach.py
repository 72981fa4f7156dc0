"""How a server may be reached: what others can reach demands keys, TLS and names, and nothing is opened to them by mistake."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from epics.errors import InvalidInput

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Tls:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What options and settings say of how a server is reached."""

    host: str
    port: int
    names: frozenset[str] = frozenset()
    tls: Tls | None = None
    behind_proxy: bool = False
    proxies: tuple[str, ...] = ()
    keys: bool = True

    @property
    def address(self) -> Address:
        """The address to listen at.

        Raises:
            InvalidInput: if it is none.
        """
        given = "127.0.0.1" if self.host == "localhost" else self.host.strip("[]")
        try:
            return ipaddress.ip_address(given)
        except ValueError as error:
            message = f"cannot serve at {self.host!r}: give an address of this machine, such as 127.0.0.1; --name says what it is called"
            raise InvalidInput(message) from error

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which the server may be called."""
        own = frozenset() if self.address.is_unspecified else frozenset({str(self.address)})
        return LOCAL_NAMES | own | self.names


def checked(reach: Reach) -> Reach:
    """The same, if nothing is open that should not be.

    Raises:
        InvalidInput: if it is; the message says what is missing.
    """
    address = reach.address
    if reach.tls is not None:
        _check_tls(reach.tls)
    if not reach.keys and (not address.is_loopback or reach.behind_proxy or reach.names):
        message = "--no-keys lets whoever reaches the server do everything: it is for this machine's own address, without a proxy and names"
        raise InvalidInput(message)
    if address.is_loopback:
        return reach
    if reach.tls is None and not reach.behind_proxy:
        message = (
            f"others can reach {address}, and would send their keys in clear: give --tls-cert and --tls-key, "
            "or say --behind-proxy if a proxy with TLS stands in front, or serve at 127.0.0.1"
        )
        raise InvalidInput(message)
    if address.is_unspecified and not reach.names:
        message = f"{address} is every address of this machine: say with --name what the server is called, as in --name genie.example.org"
        raise InvalidInput(message)
    return reach


def _check_tls(tls: Tls) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.cert, tls.key, password=_no_password)
    except (OSError, ValueError) as error:
        message = f"the certificate {tls.cert} cannot be used with the key {tls.key}: {getattr(error, 'reason', None) or error}"
        raise InvalidInput(message) from error


def _no_password() -> str:
    # Else OpenSSL asks the terminal for one.
    message = "the key has a password: give one without"
    raise ValueError(message)
