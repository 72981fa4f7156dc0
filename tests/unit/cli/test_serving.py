"""How a server is reached, from options and settings."""

from __future__ import annotations

from typing import Any

import pytest

from cli.serving import Asked, reach_of
from config.settings import Settings
from epics.errors import InvalidInput


def reach(settings: dict[str, Any] | None = None, **asked: Any) -> Any:
    given = {"host": "127.0.0.1", "port": 0, "workers": 0, "concurrency": None, **asked}
    return reach_of(Settings.model_validate(settings or {}), Asked(**given))


def test_an_option_goes_before_a_setting():
    settings = {"public_names": "set.example.org"}

    assert reach(settings).names == {"set.example.org"}
    assert reach(settings, names=("Given.example.org.", "other.example.org")).names == {"given.example.org", "other.example.org"}


def test_names_of_the_settings_do_not_keep_a_server_without_keys_from_this_machine():
    assert reach({"public_names": "set.example.org"}, keys=False).names == frozenset()


@pytest.mark.parametrize("name", ["https://genie.example.org", "*", "a b"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(InvalidInput, match="--name"):
        reach(names=(name,))


def test_half_of_a_certificate_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="--tls-cert is missing"):
        reach(tls_key=tmp_path / "key.pem")
