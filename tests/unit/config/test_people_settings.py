"""Settings of keys and tokens."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import Settings
from engine.access.trusted import trusted_by
from epics.errors import InvalidSettings


def settings(**given: Any) -> Settings:
    return Settings.model_validate(given)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "é", "nul\x00", ""])
def test_what_cannot_go_into_a_header_is_no_key(key: str):
    with pytest.raises(ValidationError):
        settings(key=key)


@pytest.mark.parametrize("url", ["http://idp.example.org/jwks", "ftp://idp.example.org", "http://127.0.0.1.example.org/", "https://"])
def test_the_keys_of_a_provider_come_by_a_way_that_nobody_can_answer_on(url: str):
    with pytest.raises(ValidationError):
        settings(jwks_url=url)


@pytest.mark.parametrize("url", ["https://idp.example.org/jwks", "http://127.0.0.1:9/jwks", "http://localhost:9/jwks"])
def test_https_and_this_machine_are_such_ways(url: str):
    assert settings(jwks_url=url).jwks_url == url


def test_a_short_secret_signs_no_tokens():
    with pytest.raises(ValidationError):
        settings(jwt_secret="x" * 31)


@pytest.mark.parametrize("lacking", ["jwt_issuer", "jwt_audience"])
def test_a_provider_without_issuer_or_audience_is_refused(lacking: str):
    given = {"jwks_url": "https://idp.example.org/jwks", "jwt_issuer": "https://idp.example.org", "jwt_audience": "genie"}

    assert trusted_by(settings(**given)).provider is not None
    with pytest.raises(InvalidSettings, match="GENIE_JWT_ISSUER and GENIE_JWT_AUDIENCE"):
        trusted_by(settings(**{**given, lacking: None}))


def test_secrets_of_access_do_not_show_themselves():
    made = settings(key="gk_a", jwt_secret="s" * 40)

    assert "gk_a" not in repr(made)
    assert "sss" not in repr(made) + repr(trusted_by(made))
    assert {"gk_a", "s" * 40} <= made.secret_values()


def test_a_password_that_is_its_users_name_is_no_secret_of_its_own():
    made = settings(database_url="postgresql://orchestrator:orchestrator@db/genie")
    other = settings(database_url="postgresql://orchestrator:correct%2Dhorse@db/genie")

    assert "orchestrator" not in made.secret_values()
    assert {"correct%2Dhorse", "correct-horse"} <= other.secret_values()
