from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from config.environment import command_environment, git_environment
from config.settings import Settings
from epics.errors import InvalidSettings


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """An environment without settings, and a current folder without a .env."""
    for name in list(os.environ):
        if name.startswith(("GENIE_", "ANTHROPIC_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_everything_has_a_default():
    settings = Settings.from_env()

    assert settings.home == Path("~/.genie").expanduser()
    assert settings.database_url is None
    assert settings.models == ()
    assert (settings.executor, settings.autonomy, settings.budget_usd) == (None, None, None)
    assert settings.lease_seconds == 10.0


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("GENIE_BUDGET_USD=1\nGENIE_LEASE_SECONDS=7\nUNRELATED=x\n")
    monkeypatch.setenv("GENIE_BUDGET_USD", "2.50")

    settings = Settings.from_env()

    assert settings.budget_usd == Decimal("2.50")
    assert settings.lease_seconds == 7


def test_several_models_are_split_in_order(monkeypatch):
    monkeypatch.setenv("GENIE_MODEL", "anthropic:a, openai:b,")

    assert Settings.from_env().models == ("anthropic:a", "openai:b")


def test_an_empty_value_counts_as_unset(monkeypatch):
    monkeypatch.setenv("GENIE_BUDGET_USD", "")

    assert Settings.from_env().budget_usd is None


@pytest.mark.parametrize(
    "name,value",
    [
        ("GENIE_BUDGET_USD", "0"),
        ("GENIE_BUDGET_USD", "much"),
        ("GENIE_BUDGET_USD", "NaN"),
        ("GENIE_LEASE_SECONDS", "0"),
        ("GENIE_LEASE_SECONDS", "soon"),
        ("GENIE_EXECUTOR", "container"),
        ("GENIE_AUTONOMY", "full"),
        ("GENIE_LOG_LEVEL", "loud"),
        ("GENIE_LEASE_SECONDS", "inf"),
        ("GENIE_AGENTS_DIR", "nowhere"),
        ("GENIE_HOME", "~nobody-of-that-name/x"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_seen_and_what_is_allowed(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=rf"^{name} cannot be used \(it is '.*{value}'\): it must be .+") as caught:
        Settings.from_env()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name,value", [("GENIE_DATABASE_URL", "mysql://u:sesame@h/x"), ("GENIE_DATABASE_URL", "sesame"), ("OPENAI_BASE_URL", "sesame")]
)
def test_a_wrong_value_that_may_hold_a_secret_is_not_shown(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=rf"^{name} cannot be used \(its value is not shown\)") as caught:
        Settings.from_env()

    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_home_that_is_a_file_is_refused(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENIE_HOME", str(tmp_path / "file"))

    with pytest.raises(InvalidSettings, match="GENIE_HOME"):
        Settings.from_env()


def test_a_misspelt_setting_is_named_with_the_right_one(monkeypatch):
    monkeypatch.setenv("GENIE_BUDGT_USD", "5")

    with pytest.raises(InvalidSettings, match="no setting GENIE_BUDGT_USD: did you mean GENIE_BUDGET_USD"):
        Settings.from_env()


def test_a_misspelt_setting_in_the_file_is_found_too(tmp_path):
    (tmp_path / ".env").write_text("GENIE_MODLE=anthropic:a\n")

    with pytest.raises(InvalidSettings, match="GENIE_MODLE: did you mean GENIE_MODEL"):
        Settings.from_env()


@pytest.mark.parametrize("name", ["GENIE_TEST_DATABASE_URL", "GENIE_SOMETHING_OF_ANOTHER_PROGRAM"])
def test_a_variable_that_resembles_no_setting_is_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "x")

    assert Settings.from_env().lease_seconds == 10


def test_secrets_are_neither_printed_nor_handed_to_commands(monkeypatch):
    monkeypatch.setenv("GENIE_DATABASE_URL", "postgresql://u:sesame@h/x")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sesame")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://u:sesame@h")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    monkeypatch.setenv("HTTPS_PROXY", "http://u:sesame@proxy:3128")

    settings = Settings.from_env()

    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(settings.agent_environment())
    assert settings.anthropic_api_key is not None
    assert settings.anthropic_api_key.get_secret_value() == "sesame"


def test_settings_do_not_change():
    settings = Settings.from_env()

    with pytest.raises(ValueError, match="frozen"):
        settings.lease_seconds = 9  # pyright: ignore[reportAttributeAccessIssue]


def test_commands_do_not_see_the_virtual_environment_of_genie(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/genie/.venv")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    around = {"PATH": "/genie/.venv/bin:/usr/bin", "VIRTUAL_ENV": "/genie/.venv", "PYTHONPATH": "/genie", "PYTHONHOME": "/x", "HOME": "/h"}

    environment = command_environment(around)

    assert environment == {"PATH": "/usr/bin", "HOME": "/h", "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_virtual_environment_of_the_user_stays_active(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/genie/.venv")
    monkeypatch.setattr(sys, "base_prefix", "/usr")

    environment = command_environment({"PATH": "/mine/bin:/usr/bin", "VIRTUAL_ENV": "/mine"})

    assert environment["VIRTUAL_ENV"] == "/mine"
    assert environment["PATH"] == "/mine/bin:/usr/bin"


def test_git_gets_the_identity_of_the_user_and_no_variable_that_moves_a_repository():
    around = {
        "PATH": "/bin",
        "GIT_AUTHOR_NAME": "A",
        "GIT_CONFIG_GLOBAL": "/c",
        "GIT_DIR": "/d",
        "GIT_INDEX_FILE": "/i",
        "GENIE_HOME": "/g",
    }

    assert git_environment(around) == {"PATH": "/bin", "GIT_AUTHOR_NAME": "A", "GIT_CONFIG_GLOBAL": "/c"}


def test_reading_the_settings_loads_no_framework():
    root = Path(__file__).parents[3]
    code = (
        "import sys; import config.settings; "
        "print([m for m in ('jinja2', 'langgraph', 'psycopg', 'pydantic_ai', 'rich', 'typer') if m in sys.modules])"
    )

    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
