"""Where messages may be sent."""

from __future__ import annotations

import pytest

from epics.errors import AddressRefused, InvalidInput
from safety.addresses import check_addresses, checked_url, is_public

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "2001:db8::1",
    "localhost",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_all_others_are_not(address):
    assert not is_public(address)


def test_one_private_address_among_public_ones_refuses_the_name():
    with pytest.raises(AddressRefused, match=r"two\.example") as refused:
        check_addresses("two.example", ["1.1.1.1", "10.1.2.3"], allow_private=False)

    assert "10.1.2.3" not in str(refused.value)


def test_private_addresses_are_there_for_those_who_ask():
    assert check_addresses("in.example", ["10.1.2.3", "10.1.2.3", "::1"], allow_private=True) == ("10.1.2.3", "::1")


@pytest.mark.parametrize(
    "url", ["https://example.org/hook", "https://example.org:8443/a?b=c", "https://[2606:4700::1]/x", "https://1.1.1.1/"]
)
def test_https_may_be_sent_to(url):
    assert checked_url(url, allow_private=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:word@example.org/",
        "https://user@example.org/",
        "https://example.org/#part",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://exam ple.org/",
        "https://example.org/\r\nx: y",
        "https://[::1/",
        "https://ex\u00e4mple.org/",
        "https://example.org/" + "x" * 2_000,
        "http://example.org/",
    ],
)
def test_what_is_no_plain_https_url_is_refused(url):
    with pytest.raises(InvalidInput):
        checked_url(url, allow_private=False)


def test_plain_http_is_for_ones_own_network():
    assert checked_url("http://127.0.0.1:8080/hook", allow_private=True) == "http://127.0.0.1:8080/hook"
