"""Where a server listens, and who may call it."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from starlette.datastructures import Headers

from api.envelope import refused
from api.reach import LOCAL_NAMES, Reach, Tls, checked
from api.server import bound_socket, url_of
from epics.errors import Environment, InvalidInput


@pytest.mark.parametrize("host", ["example.org", "", "127.0.0.1/8"])
def test_what_is_no_address_is_refused(host):
    with pytest.raises(InvalidInput, match="address"):
        checked(Reach(host=host, port=0))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7"])
def test_an_address_that_others_reach_needs_tls_or_the_word_that_a_proxy_has_it(host):
    bare = Reach(host=host, port=0, names=frozenset({"genie.example.org"}))

    with pytest.raises(InvalidInput, match="--tls-cert"):
        checked(bare)
    assert checked(replace(bare, behind_proxy=True)).hosts >= {"genie.example.org", "localhost"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_of_a_machine_needs_a_name_and_one_of_them_is_one(host):
    with pytest.raises(InvalidInput, match="--name"):
        checked(Reach(host=host, port=0, behind_proxy=True))

    assert host not in Reach(host=host, port=0).hosts
    assert "192.168.1.7" in checked(Reach(host="192.168.1.7", port=0, behind_proxy=True)).hosts


@pytest.mark.parametrize(
    "reach",
    [
        Reach(host="192.168.1.7", port=0, keys=False, behind_proxy=True),
        Reach(host="127.0.0.1", port=0, keys=False, behind_proxy=True),
        Reach(host="127.0.0.1", port=0, keys=False, names=frozenset({"genie.example.org"})),
    ],
    ids=["address", "proxy", "name"],
)
def test_without_keys_nobody_but_this_machine_is_served(reach):
    with pytest.raises(InvalidInput, match="--no-keys"):
        checked(reach)


def test_a_certificate_that_is_none_is_named(tmp_path):
    (tmp_path / "cert.pem").write_text("no certificate")

    with pytest.raises(InvalidInput, match=r"cert\.pem cannot be used"):
        checked(Reach(host="127.0.0.1", port=0, tls=Tls(cert=tmp_path / "cert.pem", key=tmp_path / "cert.pem")))


def test_a_free_port_is_taken_and_told():
    reach = Reach(host="localhost", port=0)
    with bound_socket(reach) as listening:
        port = listening.getsockname()[1]

        assert url_of(listening, reach) == f"http://127.0.0.1:{port}"
        assert reach.hosts == LOCAL_NAMES
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_named_with_the_way_out():
    with bound_socket(Reach(host="127.0.0.1", port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Environment, match=rf"{port}.*--port"):
            bound_socket(Reach(host="127.0.0.1", port=port))


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


@pytest.mark.parametrize(
    "headers, is_refused",
    [
        ({"origin": "https://board.example.org", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://board.example.org:444"}, True),
        ({"origin": "http://board.example.org"}, True),
        ({"origin": "null"}, True),
        ({"origin": "https://board.example.org", "host": "evil.example"}, True),
    ],
    ids=str,
)
def test_of_other_origins_those_that_are_named_may_call(headers, is_refused):
    asked = Headers({"host": "localhost:80", **headers})

    assert (refused(asked, LOCAL_NAMES, frozenset({"https://board.example.org"})) is not None) == is_refused
