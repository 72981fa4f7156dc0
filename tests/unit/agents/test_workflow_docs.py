"""The page on workflows says what is so: its tables are those of the folders, and its examples load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from agents.loading import load_folder_from_files
from agents.outputs import OUTPUTS
from agents.registry import Registry
from agents.rendering import VARIABLES
from agents.schema import ToolName
from agents.workflow import Workflow

PAGE = (Path(__file__).parents[3] / "docs/workflows.md").read_text()
TOOLS = re.compile(r"\b(read_file|write_file|edit_file|list_files|run_command)\b")
WORKFLOWS = Registry.discover().workflows


def row_of(workflow: Workflow) -> str:
    limits, allowed = workflow.limits, workflow.boundaries.allowed
    may = "what the plan allows" if allowed == ("**",) else " ".join(f"`{glob}`" for glob in allowed) or "nothing"
    output = next(name for name, kind in OUTPUTS.items() if kind is workflow.output)
    return (
        f"| `{workflow.name}` | {workflow.description} | `{output}` | {' '.join(f'`{name}`' for name in workflow.tools)} | {limits.turns} |"
        f" {limits.seconds:g} | {limits.usd} | {may} |"
    )


def test_the_table_of_genies_own_workflows_is_as_the_folders_are():
    own = PAGE.partition("## Genie's own")[2]
    rows = [line for line in own.splitlines() if any(line.startswith(f"| `{name}` | ") for name in WORKFLOWS)]

    assert rows == [row_of(workflow) for workflow in WORKFLOWS.values()]


def test_every_variable_of_a_prompt_is_explained_and_no_other():
    section = PAGE.partition("### prompt.md")[2].partition("### allowed_tools.json")[0]

    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == VARIABLES


def test_every_tool_is_named():
    section = PAGE.partition("### allowed_tools.json")[2].partition("### .mcp.json")[0]

    assert set(re.findall(r"`([a-z]+_[a-z]+|search|remember)`", section)) == set(get_args(ToolName))


def test_the_examples_are_a_workflow_that_loads():
    toml, servers = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("toml", "json"))
    files = {"workflow.toml": toml, "prompt.md": "{{ goal | fenced }}", "allowed_tools.json": '["read_file"]', ".mcp.json": servers}

    workflow = load_folder_from_files("mine", files, folder=Path("mine"))

    assert workflow.network.hosts
    assert set(workflow.aliases) == {"fast", "strong"}
    assert set(workflow.mcp_servers) == {"docs"}


def test_each_of_genies_own_has_all_of_the_files_and_reaches_nothing():
    for workflow in WORKFLOWS.values():
        names = {path.name for path in workflow.folder.iterdir() if path.is_file()}

        assert names == {"workflow.toml", "prompt.md", "allowed_tools.json", ".mcp.json"}
        assert (workflow.network.mode, workflow.mcp_servers) == ("none", {})
        assert (workflow.limits.turns >= 30, workflow.limits.seconds >= 900, workflow.limits.usd is not None) == (True, True, True)
        # The failure analyst names the tools that the next attempt is to do without.
        assert workflow.name == "time_machine" or not TOOLS.search(workflow.prompt)
