"""The command line and the environment of the CLI."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from executors.claude.arguments import arguments_of
from executors.claude.environment import environment_of
from executors.claude.permissions import settings_of
from tests.fakes.orders import order

MODELS = ("anthropic:claude-sonnet-4-5", "anthropic:claude-haiku-4-5")
SESSION = "11111111-1111-4111-8111-111111111111"


def arguments(asked, **changed):
    given = {"turns_left": 7, "mcp_config": None, "session": SESSION, "transcript": None, **changed}
    return arguments_of(asked, **given)


def after(flag, given):
    return given[given.index(flag) + 1]


def asked(tmp_path=Path("/tree"), **changed):
    return order(tmp_path, models=MODELS, **changed)


def environment(made):
    return environment_of(made, base_url="http://127.0.0.1:1", token="the-token", config="/attempt/claude")


def test_only_the_tools_of_the_workflow_are_there_and_none_that_writes_is_allowed_as_a_whole():
    given = arguments(asked(tools=("read_file", "edit_file", "run_command")))

    assert after("--tools", given) == "Read,Edit,Bash"
    assert after("--allowedTools", given) == "Read,Bash"
    assert after("--permission-mode", given) == "dontAsk"


def test_a_workflow_that_only_reads_gets_no_rule_that_lets_it_write():
    reviewer = asked(tools=("read_file", "search"))

    assert settings_of(reviewer)["permissions"]["allow"] == []
    assert "Bash" not in after("--tools", arguments(reviewer))


def test_a_workflow_without_tools_gets_none():
    given = arguments(asked(tools=()))

    assert after("--tools", given) == ""
    assert "--allowedTools" not in given


def test_boundaries_become_rules_that_are_tied_to_the_root_of_the_tree():
    made = settings_of(asked(allowed_paths=("src/**", "docs/", "*.md"), forbidden_paths=("src/locked/**",)))["permissions"]

    assert made["allow"] == ["Edit(./src/**)", "Edit(./docs/**)", "Edit(./*.md)"]
    assert "Edit(./src/locked/**)" in made["deny"]
    assert "Edit(./.git/**)" in made["deny"]


def test_no_settings_of_the_repository_or_of_a_person_are_read():
    given = arguments(asked())

    assert after("--setting-sources", given) == ""
    assert {"--strict-mcp-config", "--disable-slash-commands", "--restricted"} <= set(given)


def test_commits_bear_no_word_of_the_cli():
    assert settings_of(asked())["attribution"] == {"commit": "", "pr": ""}


def test_tools_of_servers_are_allowed_by_name_beside_its_own():
    made = asked(tools=("read_file", "mcp__db__query"), mcp_servers={"db": {"command": "db"}})

    given = arguments(made, mcp_config="/c/mcp.json", own=("mcp__db__query",))

    assert after("--allowedTools", given) == "Read,mcp__db__query"
    assert after("--mcp-config", given) == "/c/mcp.json"


def test_the_output_type_of_the_workflow_is_the_schema_of_the_answer():
    made = asked()

    assert json.loads(after("--json-schema", arguments(made))) == made.workflow.output.model_json_schema()


def test_a_session_begins_under_its_id_or_goes_on_from_a_transcript():
    assert after("--session-id", arguments(asked())) == SESSION
    assert after("--resume", arguments(asked(), transcript="/c/t.jsonl")) == "/c/t.jsonl"
    assert "--session-id" not in arguments(asked(), transcript="/c/t.jsonl")


def test_the_environment_has_the_token_and_nothing_of_the_surroundings_that_steers_a_cli():
    surroundings = {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-real", "CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDECODE": "1", "HOME": "/somebody"}

    given = environment(asked(environment=surroundings))

    assert given["ANTHROPIC_API_KEY"] == "the-token"
    assert given["HOME"] == given["CLAUDE_CONFIG_DIR"] == "/attempt/claude"
    assert "sk-real" not in given.values()
    assert not {"CLAUDE_CODE_USE_BEDROCK", "CLAUDECODE"} & set(given)


def test_what_the_cli_asks_for_by_itself_are_models_of_the_order():
    made = asked()
    aliased = dataclasses.replace(made, workflow=dataclasses.replace(made.workflow, aliases={"fast": MODELS[1]}))

    assert environment(made)["ANTHROPIC_SMALL_FAST_MODEL"] == "claude-sonnet-4-5"
    assert environment(aliased)["ANTHROPIC_SMALL_FAST_MODEL"] == "claude-haiku-4-5"
    assert environment(aliased)["ANTHROPIC_DEFAULT_OPUS_MODEL"] == "claude-sonnet-4-5"


def test_a_proxy_of_the_surroundings_does_not_come_between_the_cli_and_the_gateway():
    given = environment(asked(environment={"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "example.org"}))

    assert given["NO_PROXY"] == given["no_proxy"] == "example.org,127.0.0.1,localhost"
