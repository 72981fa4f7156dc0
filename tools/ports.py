"""TCP ports of this host."""

from __future__ import annotations

import errno
import socket

_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


def is_free(port: int) -> bool:
    """Whether nobody listens at a port, on any address of this host; found by trying."""
    # All addresses, for an instant and without listening: a server of the attempt may choose any of them.
    return all(_can_bind(family, address, port) for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")))  # noqa: S104


def _can_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            if family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            tried.bind((address, port))
    except OSError as error:
        # A host without this family of addresses has nobody listening there.
        return error.errno not in _TAKEN
    return True
