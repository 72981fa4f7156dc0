"""Settings of how a server is reached: several values stand between commas, and one that is none is named."""

from __future__ import annotations

import pytest

from config.settings import Settings
from epics.errors import InvalidSettings


def test_names_proxies_and_origins_are_read_between_commas():
    settings = Settings.model_validate(
        {
            "public_names": "Genie.Example.org., 192.0.2.7",
            "trusted_proxies": "10.0.0.7 ,172.16.0.0/12,::1",
            "cors_origins": "https://Board.example.org/,http://[::1]:3000",
        }
    )

    assert settings.names == {"genie.example.org", "192.0.2.7"}
    assert settings.proxies == ("10.0.0.7/32", "172.16.0.0/12", "::1/128")
    assert settings.origins == {"https://board.example.org", "http://[::1]:3000"}


def test_unset_they_are_nothing():
    settings = Settings.model_validate({})

    assert (settings.names, settings.proxies, settings.origins) == (frozenset(), (), frozenset())


@pytest.mark.parametrize(
    "variable, value",
    [
        ("GENIE_PUBLIC_NAMES", "https://genie.example.org"),
        ("GENIE_PUBLIC_NAMES", "*"),
        ("GENIE_TRUSTED_PROXIES", "*"),
        ("GENIE_TRUSTED_PROXIES", "10.0.0.7/8"),
        ("GENIE_CORS_ORIGINS", "*"),
        ("GENIE_CORS_ORIGINS", "board.example.org"),
        ("GENIE_CORS_ORIGINS", "https://board.example.org/page"),
        ("GENIE_CORS_ORIGINS", "https://anna@board.example.org"),
        ("GENIE_REQUESTS_PER_MINUTE", "0"),
        ("GENIE_TLS_CERT", "/nowhere/cert.pem"),
    ],
)
def test_a_value_that_is_none_is_named(variable, value, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettings, match=variable):
        Settings.from_env()
