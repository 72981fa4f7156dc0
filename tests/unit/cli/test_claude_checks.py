"""What `genie doctor` says of the Claude Code CLI."""

from __future__ import annotations

import pytest

from cli.claude_checks import claude_check, containment_check
from engine.claude_cli import TRIED


@pytest.fixture
def make_cli(tmp_path):
    """Return a function that makes a program which says a version."""

    def make(says):
        made = tmp_path / "claude"
        made.write_text(f"#!/bin/sh\n{says}\n")
        made.chmod(0o755)
        return made

    return make


def test_a_cli_that_runs_is_named_with_its_version(make_cli):
    check = claude_check(make_cli(f"echo '{TRIED} (Claude Code)'"), None)

    assert check.state == "ok"
    assert TRIED in check.seen
    assert "GENIE_CLAUDE_CLI" in check.seen


def test_an_older_one_is_worth_a_note(make_cli):
    check = claude_check(make_cli("echo '1.0.9 (Claude Code)'"), None)

    assert check.state == "note"
    assert TRIED in check.way_out


def test_one_that_does_not_run_is_in_the_way_of_who_named_it(make_cli):
    assert claude_check(make_cli("exit 3"), None).state == "failed"


def test_what_cannot_be_run_at_all_is_said_with_the_setting(tmp_path):
    (file := tmp_path / "claude").write_text("")

    check = claude_check(file, "claude_local")

    assert check.state == "failed"
    assert "GENIE_CLAUDE_CLI" in check.seen


def test_a_machine_without_namespaces_is_worth_a_note():
    assert containment_check(namespaces=True).state == "ok"
    assert containment_check(namespaces=False).state == "note"
