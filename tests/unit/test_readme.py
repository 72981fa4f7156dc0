"""The README promises only what is there."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.errors import ExitCode
from cli.main import COMMANDS
from config.repository import repository_policy
from config.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def mentions(page: str) -> list[list[str]]:
    """Each `genie …` in backticks or behind a prompt, once, as words."""
    return [shlex.split(line) for line in sorted(set(re.findall(r"(?:`|\$ )(genie [^`\n]+)", page)))]


def command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words call, and the words that are left for it."""
    found: Any = get_command(import_module(COMMANDS[words[1]][0]).app)
    rest = words[2:]
    while getattr(found, "commands", None):
        if found.invoke_without_command and (not rest or rest[0] not in found.commands):
            break
        found = found.commands[rest[0]]
        rest = rest[1:]
    return found, rest


@pytest.mark.parametrize("words", mentions(README + OPERATIONS), ids=" ".join)
def test_every_command_in_the_readme_is_there_with_its_options(words):
    called, rest = command(words)
    options = {option for parameter in called.params for option in parameter.opts}

    assert {word for word in rest if word.startswith("--")} - {"--debug"} <= options


def test_every_setting_is_in_the_readme_and_no_other():
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", README, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}

    assert listed == {str(field.validation_alias or f"GENIE_{name.upper()}") for name, field in Settings.model_fields.items()}


def test_the_example_of_a_repositorys_file_is_one_that_genie_reads():
    example = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]

    assert repository_policy(example).test_command == "make test"


def test_the_exit_codes_in_the_readme_are_those_of_the_command():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}

    assert listed == {int(code) for code in ExitCode}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/operations.md"])
def test_every_make_target_that_is_named_exists(page):
    named = set(re.findall(r"(?:`|\$ )make (?:\w+=\S+ )?([a-z]+)", (ROOT / page).read_text()))

    assert named - TARGETS == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/why.md", "docs/glossary.md", "docs/operations.md"])
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
