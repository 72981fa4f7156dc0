from __future__ import annotations

import pytest

from safety.hosts import why_host_is_refused


@pytest.mark.parametrize(
    "host", ["packages.example.org", "1.1.1.1", "*.files.example.org", "registry.example.org", "a-b.example.co.uk", "xn--bcher-kva.example"]
)
def test_a_public_host_may_be_named(host):
    assert why_host_is_refused(host) == ""


@pytest.mark.parametrize(
    "host,why",
    [
        ("https://packages.example.org", "without a scheme"),
        ("packages.example.org/simple", "without a scheme and a path"),
        ("packages.example.org:443", "without a port"),
        ("localhost", "full name"),
        ("database", "full name"),
        ("*", "full name"),
        ("*.org", "full name"),
        ("a.*.org", "full name"),
        ("*packages.example.org", "full name"),
        ("Packages.example.org", "lower case"),
        ("packages.example.org.", "full name"),
        (".packages.example.org", "full name"),
        ("bücher.example", "full name"),
        ("10.1.2.3", "public internet"),
        ("127.0.0.1", "public internet"),
        ("169.254.169.254", "public internet"),
        ("[::1]", "public internet"),
        ("::ffff:10.0.0.1", "public internet"),
        ("0x7f.1", "full name"),
        ("127.1", "full name"),
        ("metadata.google.internal", "network's own"),
        ("printer.local", "network's own"),
        ("*.svc.cluster.local", "network's own"),
    ],
)
def test_what_is_not_a_public_host_is_refused(host, why):
    assert why in why_host_is_refused(host)
