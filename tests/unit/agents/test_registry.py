from __future__ import annotations

import shutil

import pytest

from agents.registry import PACKAGE, Registry
from agents.schema import WRITING_TOOLS
from epics.errors import InvalidInput, InvalidWorkflow, WorkflowNotFound
from epics.policy import OWN_CONFIGURATION
from epics.steps import AGENT_STEPS
from epics.verdicts import FailureInsight
from safety.paths import matches

TOML = 'description = "Mine."\noutput = "{output}"\n\n[limits]\nturns = 3\nseconds = 10\n'
WRITERS = ["document", "fix", "implement", "refactor", "test"]


def texts(name: str, output: str = "review", **changed: str) -> dict[str, str]:
    files = {"workflow.toml": TOML.format(output=output), "prompt.md": "Hello.", "allowed_tools.json": "[]"} | changed
    return {f".genie/agents/{name}/{file}": text for file, text in files.items()}


def write(folder, files: dict[str, str]) -> None:
    for path, text in files.items():
        place = folder.joinpath(*path.split("/")[2:])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def test_every_agent_step_and_the_failure_analyst_have_a_workflow():
    registry = Registry.discover()

    assert set(registry.workflows) == {*AGENT_STEPS, "time_machine"}
    assert registry.broken == ()
    assert registry.get("time_machine").output is FailureInsight


@pytest.mark.parametrize("name", sorted({*AGENT_STEPS, "time_machine"} - set(WRITERS)))
def test_who_only_judges_has_no_tool_that_writes(name):
    workflow = Registry.discover().get(name)

    assert workflow.boundaries.allowed == ()
    assert not WRITING_TOOLS & set(workflow.tools)


@pytest.mark.parametrize("name", WRITERS)
def test_who_writes_cannot_change_what_steers_genie(name):
    assert set(OWN_CONFIGURATION) <= set(Registry.discover().get(name).boundaries.forbidden)


@pytest.mark.parametrize(
    "name,mine,not_mine",
    [
        (
            "test",
            ["tests/test_a.py", "a/tests/x.txt", "test_a.py", "pkg/a_test.go", "web/src/a.test.tsx", "spec/a_spec.rb", "conftest.py"],
            ["lamp.py", "src/contest.py", "pyproject.toml", "latest/a.py", "genie.toml"],
        ),
        (
            "document",
            ["README", "README.md", "docs/a.svg", "pkg/docs/a.rst", "CHANGELOG.txt", "web/guide.mdx"],
            ["lamp.py", "pyproject.toml", "readme.py", ".genie/agents/review/prompt.md", ".claude/agents/a.md"],
        ),
        ("implement", ["lamp.py", "tests/test_a.py", ".github/workflows/x.yml"], ["genie.toml", ".mcp.json", ".claude/settings.json"]),
    ],
)
def test_who_writes_may_write_in_their_own_field(name, mine, not_mine):
    boundaries = Registry.discover().get(name).boundaries

    may = [path for path in [*mine, *not_mine] if matches(path, boundaries.allowed) and not matches(path, boundaries.forbidden)]

    assert may == mine


def test_a_folder_of_the_repository_adds_a_workflow():
    registry = Registry.discover(base_branch=texts("poet"))

    assert registry.get("poet").description == "Mine."
    assert str(registry.get("poet").folder) == ".genie/agents/poet"


def test_a_workflow_of_the_installation_stands_in_for_that_of_the_repository(tmp_path):
    write(tmp_path, texts("review", **{"prompt.md": "The installation's."}))

    registry = Registry.discover(agents_dir=tmp_path, base_branch=texts("review", **{"prompt.md": "The repository's."}))

    assert registry.get("review").prompt == "The installation's."


def test_a_broken_folder_is_listed_and_stops_nothing_else(tmp_path):
    write(tmp_path, texts("good") | texts("bad", **{"allowed_tools.json": "["}))

    registry = Registry.discover(agents_dir=tmp_path)

    assert "good" in registry.workflows
    assert [(broken.name, broken.folder) for broken in registry.broken] == [("bad", tmp_path / "bad")]
    with pytest.raises(InvalidWorkflow, match=r"bad/allowed_tools\.json:1: "):
        registry.get("bad")


def test_a_broken_folder_hides_the_workflow_that_it_was_to_replace():
    registry = Registry.discover(base_branch=texts("review", **{"workflow.toml": "output = 1"}))

    with pytest.raises(InvalidWorkflow, match=r"\.genie/agents/review/workflow\.toml:1: "):
        registry.get("review")


def test_a_stand_in_must_hand_back_what_the_step_needs():
    registry = Registry.discover(base_branch=texts("planning", output="review"))

    with pytest.raises(InvalidWorkflow, match=r"workflow\.toml:2: output is 'review', but .* hands back 'plan'"):
        registry.get("planning")


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(WorkflowNotFound, match="no workflow 'poet'; there are architect, document, fix"):
        Registry.discover().get("poet")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="is not a folder with workflows"):
        Registry.discover(agents_dir=tmp_path / "none")


def test_a_file_that_is_not_text_breaks_only_its_own_folder(tmp_path):
    shutil.copytree(PACKAGE / "review", tmp_path / "mine")
    (tmp_path / "mine" / "prompt.md").write_bytes(b"\xff\xfe")

    registry = Registry.discover(agents_dir=tmp_path)

    assert "prompt.md:1: the file is not UTF-8" in registry.broken[0].error
    assert "review" in registry.workflows


def test_a_file_that_is_too_large_is_refused_and_not_cut(tmp_path):
    shutil.copytree(PACKAGE / "review", tmp_path / "mine")
    (tmp_path / "mine" / "prompt.md").write_text("ü" * 200_000)

    registry = Registry.discover(agents_dir=tmp_path)

    assert "prompt.md:1: the file is too large" in registry.broken[0].error


def test_files_elsewhere_in_the_repository_make_no_workflow():
    registry = Registry.discover(base_branch={".genie/agents/README.md": "", ".genie/agents/a/b/prompt.md": "", "agents/x/prompt.md": ""})

    assert registry.workflows == Registry.discover().workflows
    assert registry.broken == ()
