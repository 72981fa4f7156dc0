"""Addresses: which are this machine, and which a message may be sent to (the public internet, unless private ones are allowed)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from epics.errors import AddressRefused, InvalidInput

_MOST_URL: Final = 2_000
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
# What `is_global` of the oldest Python that we run on does not know.
_MORE_V4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_MORE_V6: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("100::/64"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, by a name or an address that can mean no other."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet.

    Not so: loopback, private and link-local ranges (with the metadata services of clouds), carrier-grade NAT, multicast, reserved and
    unspecified addresses, and each of them inside of IPv6 (mapped, compatible, 6to4, Teredo, NAT64). What cannot be read is not public.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_v4(found)
    inside = addresses_inside(found)
    if inside:
        # Where it leads decides, not what the wrapper is: `is_global` of a wrapper differs between releases of Python.
        return all(_is_public_v4(each) for each in inside)
    return found.is_global and not (found.is_multicast or found.is_site_local) and not any(found in net for net in _MORE_V6)


def check_addresses(host: str, addresses: Iterable[str], *, allow_private: bool) -> tuple[str, ...]:
    """The addresses that `host` has, if all of them may be connected to.

    One that may not refuses them all: a name that means both is set up to get past a check.

    Raises:
        AddressRefused: naming the host and not the address, which may be a secret of the network.
    """
    found = tuple(dict.fromkeys(addresses))
    if not allow_private and not all(is_public(address) for address in found):
        raise AddressRefused(
            f"{host} has an address that is not of the public internet: allow private addresses for this webhook (--allow-private), "
            "or for all of them (GENIE_WEBHOOK_ALLOW_PRIVATE=true)"
        )
    return found


def checked_url(url: str, *, allow_private: bool) -> str:
    """The URL of a receiver, if messages may be sent there at all; its addresses are checked at each sending.

    Raises:
        InvalidInput: if it is none, has a user or a fragment, or is plain http without leave.
    """
    try:
        split = urlsplit(url)
        port_is_right = split.port != 0
    except ValueError as error:
        raise InvalidInput(f"{url[:100]!r} is no URL: {error}") from error
    is_text = len(url) <= _MOST_URL and url.isascii() and url.isprintable() and " " not in url
    if split.scheme not in {"http", "https"} or not split.hostname or not port_is_right or not is_text:
        raise InvalidInput(f"{url[:100]!r} cannot be sent to: it must be a URL such as https://example.org/path, in ASCII")
    if split.username is not None or split.password is not None or split.fragment:
        raise InvalidInput("the URL of a webhook has no user, password or fragment: its messages are signed instead")
    if split.scheme == "http" and not allow_private:
        raise InvalidInput(f"{url[:100]} is plain http: use https, or --allow-private for a receiver in your own network")
    return url


def addresses_inside(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved) and not any(address in net for net in _MORE_V4)
