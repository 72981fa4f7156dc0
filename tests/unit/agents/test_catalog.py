"""Agents of both kinds found by their names: in the package, in a folder, by entry point; broken ones with file and line."""

from __future__ import annotations

import sys
from decimal import Decimal
from importlib.metadata import EntryPoint

import pytest

from agents.catalog import Catalog, agent_named
from agents.making import example_of, make_agent
from agents.python_loading import load_agent
from epics.agent_errors import InvalidAgent
from epics.errors import InvalidInput, WorkflowNotFound

GOOD = example_of("counter")

_IMPORTS_LIMITS = "from agents.workflow import Limits\n"

_RAISES = GOOD.replace(
    "class Counter(Agent)",
    """class Shy(type(Agent)):
    @property
    def limits(cls):
        raise ValueError("no lamp")
class Counter(Agent, metaclass=Shy)""",
)


@pytest.fixture
def write(tmp_path):
    def write(name, text=GOOD, file="agent.py"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / file).write_text(text)
        return folder / file

    return write


def test_genie_brings_two_agents_beside_its_workflows():
    catalog = Catalog.discover(points=())

    assert sorted(catalog.agents) == ["claude_code", "simple"]
    assert catalog.broken == ()
    assert {"implement", "review", "simple"} <= set(catalog.names)


def test_an_agent_of_the_installation_is_found_by_the_name_of_its_folder(tmp_path, write):
    write("counter")

    agent = Catalog.discover(agents_dir=tmp_path, points=()).agents["counter"]

    assert agent.made_by.description == "Counts the words of a text."
    assert agent.place == str(tmp_path / "counter")


def test_what_has_changed_is_loaded_anew_and_what_has_not_is_not_run_again(tmp_path, write):
    write("counter")
    first, again = (load_agent(tmp_path / "counter") for _ in range(2))

    # As long as before, and within the same second.
    write("counter", GOOD.replace("Counts the words", "Counts the lines"))
    changed = load_agent(tmp_path / "counter")

    assert first is again
    assert changed.made_by.description == "Counts the lines of a text."
    assert changed.content_hash != first.content_hash
    assert len([name for name in sys.modules if name.startswith("genie_agent_counter_")]) == 1


def test_files_beside_it_are_imported_and_count_as_its_code(tmp_path, write):
    write("counter", "from .words import SAID\n" + GOOD.replace('"Counts the words of a text."', "SAID"))
    write("counter", 'SAID = "one"\n', file="words.py")
    first = load_agent(tmp_path / "counter")

    write("counter", 'SAID = "and two"\n', file="words.py")

    assert (first.made_by.description, load_agent(tmp_path / "counter").made_by.description) == ("one", "and two")


BROKEN = {
    "no Python": ("class Made(Agent)\n", 1, "this is not Python"),
    "an import that is not there": ("import os\nimport nowhere_at_all\n", 2, "ModuleNotFoundError"),
    "an error when it is imported": (GOOD + "\nraise ValueError('no lamp')\n", GOOD.count("\n") + 2, "ValueError: no lamp"),
    "an exit when it is imported": ("import sys\nsys.exit('no lamp')\n", 2, "SystemExit"),
    "no agent": ("x = 1\n", 1, "there is no agent in it"),
    "two agents": (GOOD + GOOD.replace("class Counter", "class Other"), 0, "more than one agent in it, Counter and Other"),
    "no run": (GOOD[: GOOD.index("    async def run")], 16, "does not say what it does: write `async def run"),
    "no description": (GOOD.replace("description =", "describes ="), 16, "says its description as a text: it was missing"),
    "a tool that is not there": (GOOD.replace("tools = (", "tools = ('fly', "), 21, "no tool named 'fly'"),
    "a tool of a server that is not there": (GOOD.replace("tools = (", "tools = ('mcp__docs__*', "), 21, "'mcp__docs__*' is of no server"),
    "skills that are a text": (GOOD.replace('("count words",)', '"count words"'), 18, "skills is a tuple of texts"),
    "a prompt that is no template": (GOOD.replace("{{person}}", "{{person"), 19, "not a valid template"),
    "a run that cannot be awaited": (
        GOOD.replace("async def run", "def run").replace("await run", "run"),
        23,
        "run is written with `async def`",
    ),
    "limits that are none": (GOOD + "    limits = 5\n", 25, "limits is Limits("),
    "limits in words": (_IMPORTS_LIMITS + GOOD + "    limits = Limits(turns=5, seconds='1h')\n", 26, "turns are from 1 to 500"),
    "an attribute of another kind": (GOOD + "    on_crash = []\n", 25, "on_crash is 'retry' or 'park'"),
    "an attribute that raises": (_RAISES, 20, "it cannot be looked at: ValueError: no lamp"),
    "an executor that is not there": (GOOD + '    executors = ("abacus",)\n', 25, "there is no executor 'abacus'"),
}


@pytest.mark.parametrize("text, line, said", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_told_with_file_and_line_and_stops_nothing_else(tmp_path, write, text, line, said):
    file = write("counter", text)
    write("whole", example_of("whole"))

    catalog = Catalog.discover(agents_dir=tmp_path, points=())

    (broken,) = catalog.broken
    assert said in broken.error
    assert broken.error.startswith(f"{file}:{line}:" if line else f"{file}:")
    assert "whole" in catalog.agents
    with pytest.raises(InvalidAgent):
        catalog.get("counter")


def test_a_folder_is_either_code_or_data(tmp_path, write):
    write("counter")
    write("counter", "", file="workflow.toml")

    assert "a folder with agent.py has no workflow.toml" in Catalog.discover(agents_dir=tmp_path, points=()).broken[0].error


def test_code_of_a_repository_is_listed_as_refused_and_never_run():
    texts = {".genie/agents/counter/agent.py": "raise SystemExit('run')\n"}

    catalog = Catalog.discover(base_branch=texts, points=())

    assert "code of a repository is never run here" in catalog.registry.broken[0].error
    with pytest.raises(InvalidInput, match="never run here"):
        catalog.get("counter")


def test_a_name_stands_for_one_thing_and_a_second_is_told_with_both_places(tmp_path, write):
    file = write("review")
    write("simple")

    catalog = Catalog.discover(agents_dir=tmp_path, points=())

    errors = {broken.name: broken.error for broken in catalog.broken}
    assert str(file.parent) in errors["review"]
    assert "agents/review" in errors["review"].split("the other in")[1]
    assert sorted(errors) == ["review", "simple"]
    # The step of an epic keeps its workflow.
    assert catalog.registry.get("review").description
    with pytest.raises(InvalidAgent, match="there are two agents named 'simple'"):
        catalog.get("simple")


def test_an_installed_distribution_brings_agents_by_entry_point():
    points = [
        EntryPoint("by_class", "agents.simple.agent:Simple", "genie.agents"),
        EntryPoint("by_module", "agents.simple.agent", "genie.agents"),
        EntryPoint("gone", "nowhere.at_all:Made", "genie.agents"),
        EntryPoint("no_agent", "agents.making:make_agent", "genie.agents"),
        EntryPoint("simple", "agents.simple.agent", "genie.agents"),
    ]

    catalog = Catalog.discover(points=points)

    assert {"by_class", "by_module"} <= set(catalog.agents)
    errors = {broken.name: broken.error for broken in catalog.broken}
    assert "it cannot be imported: ModuleNotFoundError" in errors["gone"]
    assert "neither a subclass" in errors["no_agent"]
    assert "there are two agents named 'simple'" in errors["simple"]


@pytest.mark.parametrize("value", ["math:pi", "math", "builtins:int", "nowhere_at_all:Agent", "agents.agent:Agent"])
def test_an_entry_point_that_names_no_agent_is_broken_and_stops_nothing_else(value):
    catalog = Catalog.discover(points=[EntryPoint("counter", value, "genie.agents")])

    (broken,) = catalog.broken
    assert (broken.name, broken.place) == ("counter", f"entry point counter = {value}")
    assert sorted(catalog.agents) == ["claude_code", "simple"]


def test_a_folder_that_is_a_link_has_the_name_that_it_has_there(tmp_path, write):
    file, agents = write("counter-1.2"), tmp_path / "agents"
    agents.mkdir()
    (agents / "counter").symlink_to(file.parent)

    assert Catalog.discover(agents_dir=agents, points=()).agents["counter"] is agent_named("counter", agents)


def test_dollars_may_be_a_plain_number(write):
    text = _IMPORTS_LIMITS + GOOD + "    limits = Limits(turns=5, seconds=60, usd=0.5)\n"

    assert load_agent(write("counter", text).parent).made_by.limits.usd == Decimal("0.5")


def test_a_name_that_nobody_has_is_told_with_those_that_there_are():
    with pytest.raises(WorkflowNotFound, match=r"no workflow 'dance', and no agent of that name; there are .*simple"):
        Catalog.discover(points=()).get("dance")


def test_the_example_is_an_agent(tmp_path):
    file = make_agent("word_counter", tmp_path, ())

    assert load_agent(file.parent).made_by.__name__ == "WordCounter"


@pytest.mark.parametrize("name", ["", "Poet", "../poet", "a" * 41, "9lives"])
def test_an_example_is_not_made_under_what_is_no_name(tmp_path, name):
    with pytest.raises(InvalidInput, match="is no name of an agent"):
        make_agent(name, tmp_path, ())


def test_an_example_takes_nothings_place(tmp_path, write):
    write("counter")

    for name in ("counter", "review"):
        with pytest.raises(InvalidInput, match="already"):
            make_agent(name, tmp_path, ("review",))
