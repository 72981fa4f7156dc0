from __future__ import annotations

import pytest

from config.repository import repository_policy
from epics.errors import InvalidSettings
from epics.policy import RepositoryPolicy

FULL = """\
executor = "in_process"
model = "anthropic:a"
autonomy = "ask"

[test]
command = "make check"
timeout_s = 90

[environment]
links = [".venv", "web/node_modules"]
setup = "make setup"
copies = [".env"]
values = { PORT = "port", DB_NAME = "name:app_test" }

[limits]
attempts = 2
fix_rounds = 0

[merge]
method = "merge"

[models]
review = ["openai:b", "anthropic:c"]
"""


def test_no_file_and_an_empty_file_give_the_defaults():
    assert repository_policy(None) == repository_policy("") == RepositoryPolicy()


def test_every_key_reaches_the_policy():
    policy = repository_policy(FULL)

    assert policy == RepositoryPolicy(
        test_command="make check",
        test_timeout_s=90,
        setup_command="make setup",
        links=(".venv", "web/node_modules"),
        copies=(".env",),
        values={"PORT": "port", "DB_NAME": "name:app_test"},
        attempts=2,
        fix_rounds=0,
        merge_method="merge",
        autonomy="ask",
        executor="in_process",
        model=("anthropic:a",),
        models={"review": ("openai:b", "anthropic:c")},
    )


@pytest.mark.parametrize(
    "text,message",
    [
        ("[test]\ncomand = 'x'\n", "genie.toml:2: unknown key 'test.comand'; did you mean 'command'?"),
        ("\n[tset]\n", "genie.toml:2: unknown key 'tset'; did you mean 'test'?"),
        ("[limits]\n\nattempts = 0\n", "genie.toml:3: limits.attempts is 0: "),
        ("limits.attempts = '3'\n", "genie.toml:1: limits.attempts is '3': "),
        ("[merge]\nmethod = 'squash'\n", "genie.toml:2: merge.method is 'squash': "),
        ("[environment]\nlinks = ['a',\n '../b']\n", "genie.toml:2: environment.links.1 is '../b': must be a path inside the repository"),
        ("[environment]\nlinks = ['.git/hooks']\n", "genie.toml:2: environment.links.0 is '.git/hooks': "),
        ("[environment]\nlinks = ['/etc']\n", "genie.toml:2: environment.links.0 is '/etc': "),
        ("[test]\ncommand = ''\n", "genie.toml:2: test.command is '': "),
        ("a = 1\na = 2\n", "genie.toml:2: this is not valid TOML: "),
        ("database_url = 'x'\n", "genie.toml:1: unknown key 'database_url'"),
        ("x" * 300_000, "genie.toml:1: the file has 300000 characters"),
        ("a = " + "[" * 50_000, "genie.toml:1: this is not valid TOML: "),
    ],
)
def test_a_fault_is_told_with_its_line(text, message):
    with pytest.raises(InvalidSettings) as caught:
        repository_policy(text)

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_models_of_a_workflow_are_chosen_by_the_nearest_word():
    policy = RepositoryPolicy(model=("all",), models={"review": ("file",)})

    assert policy.models_for("review", asked=("flag",), own=("own",)) == ("flag",)
    assert policy.models_for("review", own=("own",)) == ("file",)
    assert policy.models_for("test", own=("own",)) == ("own",)
    assert policy.models_for("test") == ("all",)
    assert RepositoryPolicy().models_for("test") == ()


def test_executor_and_autonomy_fall_back_to_the_defaults():
    policy = RepositoryPolicy(executor="scripted", autonomy="ask")

    assert policy.executor_for(asked="x", own="y") == "x"
    assert policy.executor_for(own="y") == "y"
    assert policy.executor_for() == "scripted"
    assert RepositoryPolicy().executor_for() == "in_process"
    assert policy.autonomy_for(asked="auto") == "auto"
    assert policy.autonomy_for() == "ask"
    assert RepositoryPolicy().autonomy_for() == "auto"


@pytest.mark.parametrize(
    "line", ["PATH = 'port'", "GIT_DIR = 'name:x'", "port = 'port'", "PORT = 'ports'", "DB = 'name:'", "DB = 'name:x; y'"]
)
def test_a_value_that_no_attempt_can_lease_is_refused(line):
    with pytest.raises(InvalidSettings, match=r"genie\.toml:2"):
        repository_policy(f"[environment.values]\n{line}\n")
