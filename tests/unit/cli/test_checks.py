"""What `genie doctor` says of what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.checks import PROVIDERS, approvals_check, home_check, lfs_check, model_check, python_check
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.providers import Providers


def test_an_old_python_is_in_the_way():
    check = python_check((3, 10, 9))

    assert (check.state, check.seen) == ("failed", "3.10.9")
    assert "3.11" in check.way_out


def test_a_python_that_genie_was_not_made_for_is_in_the_way():
    assert python_check((3, 14, 0)).state == "failed"


def test_git_lfs_that_is_missing_is_worth_a_note_and_a_way_out():
    assert lfs_check(there=True).state == "ok"
    assert lfs_check(there=False).state == "note"
    assert "install git-lfs" in lfs_check(there=False).way_out


def test_a_policy_that_cannot_be_read_is_in_the_way_with_its_line(tmp_path: Path):
    file = tmp_path / "approvals.toml"
    file.write_text("[approvals]\nquorum = 0\n")

    check = approvals_check(file)

    assert check.state == "failed"
    assert f"{file}:2: " in check.seen


def test_no_model_is_worth_a_note_since_the_demo_needs_none():
    check = model_check((), {})

    assert check.state == "note"
    assert "GENIE_MODEL" in check.way_out


def test_a_model_without_its_key_is_in_the_way_and_names_the_variable():
    check = model_check(("anthropic:some-model",), {"anthropic": None})

    assert check.state == "failed"
    assert "ANTHROPIC_API_KEY" in check.way_out


def test_a_key_that_is_set_is_not_shown():
    check = model_check(("openai:some-model",), {"openai": SecretStr("sk-very-secret")})

    assert check.state == "ok"
    assert "sk-very" not in check.model_dump_json()


def test_a_fallback_needs_its_key_too():
    check = model_check(("openai:a", "anthropic:b"), {"openai": SecretStr("k"), "anthropic": None})

    assert check.state == "failed"


@pytest.mark.parametrize("model", ["gpt-5", "openai", "openai:", "elsewhere:some-model"])
def test_a_model_of_no_known_provider_is_in_the_way_whatever_keys_there_are(model: str):
    check = model_check((model,), {"openai": SecretStr("k"), "anthropic": SecretStr("k")})

    assert check.state == "failed"
    assert model in check.seen
    assert "anthropic" in check.way_out


def test_the_doctor_knows_the_providers_that_epics_can_use():
    keys = ProviderKeys(providers={owner: ProviderKey(key=SecretStr("k")) for owner, _ in PROVIDERS.values()})

    for provider, (_, variable) in PROVIDERS.items():
        Providers(keys).check(f"{provider}:some-model")
        assert Providers(keys).setting_of(f"{provider}:some-model") == variable


def test_a_home_that_cannot_be_made_is_in_the_way():
    check = home_check(Path("/dev/null/genie"))

    assert check.state == "failed"
    assert "GENIE_HOME" in check.way_out
