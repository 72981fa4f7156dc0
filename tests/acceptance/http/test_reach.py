"""How servers are reached: over TLS, behind a proxy, with one count of requests for all of them, and without keys on this machine alone."""

from __future__ import annotations

import getpass
from collections.abc import Generator
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.servers import Server, running

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def secure(
    parent: Nursery | None, http_database: str, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Server]:
    """A server with TLS that a proxy also stands in front of, which lets one key ask six times."""
    folder = tmp_path_factory.mktemp("secure")
    tls = ("--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key))
    options = ("--workers", "0", "--behind-proxy", "--name", "Genie.Example.org.", *tls)
    few = {"GENIE_TRUSTED_PROXIES": "127.0.0.0/8", "GENIE_REQUESTS_PER_MINUTE": "1", "GENIE_REQUESTS_AT_ONCE": "6"}
    with running(folder, http_database, *options, nursery=parent, ready=True, verify=certificate.trusted, **few) as started:
        yield started


def test_a_server_with_a_certificate_speaks_tls_and_nothing_else(secure, certificate):
    answer = httpx2.get(f"{secure.url}/health", verify=certificate.trusted)

    assert secure.url.startswith("https://127.0.0.1:")
    assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")
    with pytest.raises(httpx2.TransportError):
        httpx2.get(secure.url.replace("https", "http") + "/health")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{secure.url}/health")


def test_a_server_says_where_its_key_is_and_never_the_key(secure):
    home = secure.log.parent / "genie"

    assert f"this machine's key is in {home}/key" in secure.first_line
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert secure.key.text not in secure.first_line + secure.log.read_text()


def test_a_name_from_elsewhere_is_one_that_the_server_is_called_by(secure, certificate):
    with httpx2.Client(base_url=secure.url, verify=certificate.trusted) as client:
        named = client.get("/health", headers={"Host": "genie.example.org"})
        other = client.get("/health", headers={"Host": "genie.example.com"})

    assert (named.status_code, other.status_code) == (200, 403)


def test_where_a_request_comes_from_is_believed_of_proxies_that_are_trusted(secure, server, certificate):
    forged = {"Authorization": "Bearer gk_00000000_" + "0" * 43, "X-Forwarded-For": "198.51.100.9, 203.0.113.5"}

    behind = httpx2.get(f"{secure.url}/api/v1/epics", headers=forged, verify=certificate.trusted)
    direct = httpx2.get(f"{server.url}/api/v1/epics", headers=forged)

    assert (behind.status_code, direct.status_code) == (401, 401)
    told = {subject for (subject,) in server.rows("SELECT subject FROM audit WHERE deed = 'authenticate'")}
    assert "203.0.113.5" in told
    assert "198.51.100.9" not in told
    assert told <= {"203.0.113.5", "127.0.0.1"}


def test_all_servers_count_the_requests_of_a_key_together(secure, parent, tmp_path, http_database):
    shown, one = secure.key.headers, ("--workers", "0")
    with running(tmp_path, http_database, *one, nursery=parent, GENIE_REQUESTS_PER_MINUTE="1", GENIE_REQUESTS_AT_ONCE="6") as other:
        asked = [
            httpx2.get(f"{each.url}/api/v1/whoami", headers=shown, verify=each.verify).status_code
            for _ in range(4)
            for each in (secure, other)
        ]

        own = httpx2.get(f"{other.url}/api/v1/whoami", headers=other.key.headers)

    assert asked == [200] * 6 + [429] * 2
    assert own.status_code == 200


def test_without_keys_whoever_reaches_the_port_is_its_user_and_the_first_line_says_so(serve):
    server = serve("--workers", "0", "--no-keys")

    answer = httpx2.get(f"{server.url}/api/v1/whoami")

    assert "WITHOUT KEYS" in server.first_line
    assert (answer.status_code, answer.json()["person"], answer.json()["via"]) == (200, getpass.getuser(), "no keys")
    assert not server.key.exists
    assert httpx2.get(f"{server.url}/api/v1/whoami", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "options, said",
    [
        (("--host", "0.0.0.0"), "--tls-cert"),
        (("--host", "0.0.0.0", "--behind-proxy"), "--name"),
        (("--host", "192.0.2.1", "--no-keys"), "--no-keys"),
        (("--tls-cert", "/dev/null"), "--tls-key is missing"),
    ],
    ids=["clear", "nameless", "keyless", "half"],
)
def test_what_would_be_open_by_mistake_is_not_served(genie, options, said):
    ended = genie("serve", "--port", "0", *options)

    assert ended.code == 2
    assert said in ended.err
