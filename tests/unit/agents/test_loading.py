from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from agents.loading import load_folder_from_files
from agents.workflow import Network
from epics.errors import InvalidWorkflow
from epics.verdicts import Review

FOLDER = Path("agents/mine")

TOML = """\
description = "Looks at it."
output = "review"

[limits]
turns = 5
seconds = 60
usd = 0.1

[boundaries]
allowed = []
"""
NETWORK = TOML + '[network]\nmode = "allowlist"\nhosts = ["packages.example.org", "*.files.example.org"]\n'


def files(**changed: str) -> dict[str, str]:
    given = {"workflow.toml": TOML, "prompt.md": "Look at {{ goal }}.\n", "allowed_tools.json": '["read_file"]\n'}
    names = {"toml": "workflow.toml", "prompt": "prompt.md", "tools": "allowed_tools.json", "mcp": ".mcp.json"}
    return given | {names[key]: text for key, text in changed.items()}


def test_a_folder_becomes_a_workflow():
    workflow = load_folder_from_files("mine", files(), folder=FOLDER)

    assert workflow.name == "mine"
    assert workflow.output is Review
    assert workflow.tools == ("read_file",)
    assert workflow.limits.usd == Decimal("0.1")
    assert workflow.boundaries.allowed == ()
    assert workflow.on_crash == "retry"
    assert workflow.executor is None
    assert workflow.models == ()


def test_several_models_are_the_first_choice_and_its_fallbacks():
    given = files(toml='model = "anthropic:a, openai:b"\n' + TOML)

    workflow = load_folder_from_files("mine", given, folder=FOLDER)

    assert workflow.models == ("anthropic:a", "openai:b")


def test_a_network_and_aliases_are_kept():
    given = files(toml=NETWORK + '[aliases]\nfast = "anthropic:small"\nstrong = "anthropic:large"\n')

    workflow = load_folder_from_files("mine", given, folder=FOLDER)

    assert workflow.network == Network(mode="allowlist", hosts=("packages.example.org", "*.files.example.org"))
    assert workflow.aliases == {"fast": "anthropic:small", "strong": "anthropic:large"}


def test_nothing_can_be_reached_unless_the_folder_says_so():
    assert load_folder_from_files("mine", files(), folder=FOLDER).network == Network(mode="none", hosts=())


def test_the_servers_are_kept_as_the_file_has_them():
    given = files(mcp='{"mcpServers": {"docs": {"command": "docs-server", "args": ["--stdio"]}}}')

    workflow = load_folder_from_files("mine", given, folder=FOLDER)

    assert workflow.mcp_servers == {"docs": {"command": "docs-server", "args": ["--stdio"]}}


@pytest.mark.parametrize("name", ["workflow.toml", "prompt.md", "allowed_tools.json"])
def test_the_hash_changes_with_every_file_that_changes(name):
    before = load_folder_from_files("mine", files(), folder=FOLDER).content_hash
    changed = files()
    changed[name] = changed[name] + "\n"

    after = load_folder_from_files("mine", changed, folder=FOLDER).content_hash

    assert after != before


def test_the_hash_does_not_depend_on_the_order_of_the_files_or_on_notes_beside_them():
    given = files()
    turned = dict(reversed(given.items())) | {"README.md": "notes"}

    hashes = {load_folder_from_files("mine", each, folder=FOLDER).content_hash for each in (given, turned)}

    assert len(hashes) == 1


@pytest.mark.parametrize(
    "changed,message",
    [
        ({"toml": TOML.replace("turns = 5", "turns = ")}, "agents/mine/workflow.toml:5: this is not valid TOML"),
        ({"toml": TOML.replace("turns = 5", "turn = 5")}, "agents/mine/workflow.toml:4: the key 'limits.turns' is missing (and 1 more)"),
        ({"toml": TOML.replace("usd", "usb")}, "agents/mine/workflow.toml:7: unknown key 'limits.usb'; did you mean 'usd'?"),
        ({"toml": TOML.replace("turns = 5", "turns = true")}, "agents/mine/workflow.toml:5: limits.turns is True: "),
        ({"toml": TOML.replace("turns = 5", "turns = 0")}, "agents/mine/workflow.toml:5: limits.turns is 0: "),
        ({"toml": TOML.replace("review", "poem")}, "agents/mine/workflow.toml:2: output is 'poem': must be one of change_report, design"),
        ({"toml": TOML.replace("[]", '["../x"]')}, "agents/mine/workflow.toml:10: boundaries.allowed.0 is '../x': must be a glob"),
        ({"toml": TOML + "on_crash = 'shrug'\n"}, "agents/mine/workflow.toml:11: unknown key 'boundaries.on_crash'"),
        ({"tools": '[\n"read_file",\n"sudo"\n]'}, "agents/mine/allowed_tools.json:3: 1 is 'sudo': "),
        ({"tools": '["read_file",\n'}, "agents/mine/allowed_tools.json:2: this is not valid JSON"),
        ({"tools": '["write_file"]'}, "agents/mine/workflow.toml:10: nothing may be changed (allowed = []), yet allowed_tools.json has"),
        ({"mcp": '{"mcpServers": {\n"a": {"url": "http://x"},\n"b": {}}}'}, "agents/mine/.mcp.json:3: mcpServers.b is {}: a server needs"),
        ({"mcp": "[]"}, "agents/mine/.mcp.json:1: "),
        ({"prompt": "\n{% if goal %}\n"}, "agents/mine/prompt.md:2: this is not a valid template"),
        ({"prompt": "Hello\n{{ gaol }}\n"}, "agents/mine/prompt.md:2: unknown variable 'gaol'; known: "),
        ({"prompt": "  \n"}, "agents/mine/prompt.md:1: a prompt has between 1 and "),
        (
            {"toml": NETWORK.replace("packages.example.org", "https://packages.example.org")},
            "agents/mine/workflow.toml:13: network.hosts.0 is 'https://packages.example.org': ",
        ),
        ({"toml": NETWORK.replace("allowlist", "all")}, "agents/mine/workflow.toml:12: network.mode is 'all': "),
        ({"toml": NETWORK.replace("allowlist", "none")}, "agents/mine/workflow.toml:13: hosts are named, but nothing may be reached"),
        ({"toml": NETWORK.partition("hosts")[0]}, "agents/mine/workflow.toml:12: mode is 'allowlist', but no hosts are named"),
        ({"toml": NETWORK + "port = 1\n"}, "agents/mine/workflow.toml:14: unknown key 'network.port'"),
        ({"toml": TOML + "[aliases]\nfast = 'haiku'\n"}, "agents/mine/workflow.toml:12: aliases.fast is 'haiku': "),
        ({"toml": TOML + "[aliases]\n'so fast' = 'a:b'\n"}, "agents/mine/workflow.toml:12: aliases.so fast"),
        ({"prompt": "{% include 'other' %}"}, "agents/mine/prompt.md:1: a prompt stands alone"),
        ({"prompt": "Hello\n{{ goal | shouted }}\n"}, "agents/mine/prompt.md:2: this is not a valid template: No filter named 'shouted'"),
    ],
)
def test_a_fault_is_told_with_its_file_and_line(changed, message):
    with pytest.raises(InvalidWorkflow) as caught:
        load_folder_from_files("mine", files(**changed), folder=FOLDER)

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_key_inside_a_longer_string_is_not_taken_for_the_key():
    text = 'description = """\n[limits]\nturns = 5\n"""\n' + TOML.partition("\n")[2].replace("turns = 5", "turns = 0")

    with pytest.raises(InvalidWorkflow, match=r"workflow\.toml:8: limits\.turns is 0"):
        load_folder_from_files("mine", files(toml=text), folder=FOLDER)


@pytest.mark.parametrize("missing", ["workflow.toml", "prompt.md", "allowed_tools.json"])
def test_a_missing_file_is_named(missing):
    given = files()
    del given[missing]

    with pytest.raises(InvalidWorkflow, match=f"agents/mine/{missing}:1: the file is missing"):
        load_folder_from_files("mine", given, folder=FOLDER)


def test_a_misspelt_file_is_named_instead_of_ignored():
    with pytest.raises(InvalidWorkflow, match=r"agents/mine/mcp\.json:1: no such file is known"):
        load_folder_from_files("mine", files() | {"mcp.json": "{}"}, folder=FOLDER)


@pytest.mark.parametrize("name", ["Mine", "my-own", "1st", "", "a" * 41])
def test_a_folder_with_another_name_than_programs_use_is_refused(name):
    with pytest.raises(InvalidWorkflow, match="is no name of a workflow"):
        load_folder_from_files(name, files(), folder=FOLDER)


def test_a_hugely_nested_file_is_refused_in_words():
    with pytest.raises(InvalidWorkflow, match="not valid JSON: it is nested too deeply"):
        load_folder_from_files("mine", files(tools="[" * 100_000), folder=FOLDER)
