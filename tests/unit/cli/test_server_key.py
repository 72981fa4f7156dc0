"""Which key is shown to which server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.server_key import key_for
from config.settings import Settings
from epics.errors import InvalidInput
from safety.key_text import new_key

GIVEN = new_key().text
KEPT = new_key().text


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(f"{KEPT}\n")
    return tmp_path


def shown(server: str, home: Path, **settings: Any) -> str | None:
    found = key_for(server, Settings.model_validate({"home": home, **settings}))
    assert (found.key.get_secret_value() if found.key else "never") not in repr(found)
    return None if found.key is None else found.key.get_secret_value()


@pytest.mark.parametrize("server", ["http://127.0.0.1:8321", "http://localhost:8321", "http://[::1]:8321", "https://127.0.0.2"])
def test_a_server_on_this_machine_is_shown_the_key_that_it_made(server: str, home: Path):
    assert shown(server, home) == KEPT
    assert shown(server, home, key=GIVEN) == GIVEN


@pytest.mark.parametrize(
    "server",
    [
        "https://genie.example.org",
        "http://genie.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://0.0.0.0:8321",
        "http://192.168.1.1",
        "https://2130706433",
    ],
)
def test_the_key_of_this_machine_goes_to_no_other(server: str, home: Path):
    assert shown(server, home) is None


def test_a_key_goes_in_clear_only_where_that_was_said(home: Path):
    with pytest.raises(InvalidInput, match="GENIE_ALLOW_PLAIN_HTTP") as refused:
        shown("http://genie.example.org", home, key=GIVEN)
    assert GIVEN not in str(refused.value)
    assert shown("http://genie.example.org", home, key=GIVEN, allow_plain_http=True) == GIVEN
    assert shown("https://genie.example.org", home, key=GIVEN) == GIVEN


def test_a_file_with_anything_else_is_not_shown(tmp_path: Path):
    (tmp_path / "key").write_bytes(b"\xff\xfe not a key")

    assert shown("http://127.0.0.1:8321", tmp_path) is None
    assert shown("http://127.0.0.1:8321", tmp_path / "nowhere") is None
