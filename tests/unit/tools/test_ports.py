from __future__ import annotations

import socket

import pytest

from tools.ports import is_free


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_at_which_somebody_listens_on_any_address_is_not_free(address):
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]

        assert not is_free(port)

    assert is_free(port)
