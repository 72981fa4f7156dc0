"""Where a server listens, and who may call it."""

from __future__ import annotations

import socket

import pytest
from starlette.datastructures import Headers

from api.envelope import refused
from api.server import LOCAL_NAMES, bound_socket, names_of, url_of
from epics.errors import Environment, InvalidInput


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_an_address_that_others_reach_is_refused_as_long_as_there_are_no_keys(host):
    with pytest.raises(InvalidInput, match="keys"):
        bound_socket(host, 0)


def test_a_free_port_is_taken_and_told():
    with bound_socket("localhost", 0) as listening:
        port = listening.getsockname()[1]

        assert url_of(listening) == f"http://127.0.0.1:{port}"
        assert names_of(listening) == LOCAL_NAMES
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_named_with_the_way_out():
    with bound_socket("127.0.0.1", 0) as taken, pytest.raises(Environment, match=rf"{taken.getsockname()[1]}.*--port"):
        bound_socket("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    "headers, is_refused",
    [
        ({"host": "127.0.0.1:80"}, False),
        ({"host": "LOCALHOST"}, False),
        ({"host": "[::1]:80"}, False),
        ({"host": "localhost.:80"}, False),
        ({"host": "localhost:80", "origin": "http://localhost:80"}, False),
        ({"host": "localhost:80", "origin": "http://localhost:81"}, True),
        ({"host": "localhost:80", "origin": "null"}, True),
        ({"host": "localhost:80", "sec-fetch-site": "same-site"}, True),
        ({"host": "localhost@evil.example"}, True),
        ({"host": "[::1"}, True),
        ({}, True),
    ],
    ids=str,
)
def test_only_what_calls_the_server_by_its_name_and_from_no_other_page_is_let_in(headers, is_refused):
    assert (refused(Headers(headers), LOCAL_NAMES) is not None) == is_refused
