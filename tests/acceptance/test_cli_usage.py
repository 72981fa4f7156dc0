"""The command's manners: help, exit codes, one line per error, JSON."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["epic"],
        ["nope"],
        ["--nope"],
        ["epic", "nope"],
        ["epic", "show"],
        ["epic", "list", "--status", "sleeping"],
        ["epic", "list", "--limit", "0"],
        ["epic", "start"],
        ["epic", "start", "x", "--budget", "much"],
        ["epic", "start", "x", "--label", "team"],
        ["epic", "start", "x", "--autonomy", "full"],
        ["epic", "start", "x", "--goal-file", "y"],
        ["epic", "start", "--goal-file", "no-such-file"],
        ["approval", "rollback", "a-0"],
        ["approval", "raise", "a-0"],
        ["approval", "raise", "a-0", "--amount", "-1"],
        ["agent", "check", "no-such-folder"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(genie, arguments):
    ended = genie(*arguments)

    assert ended.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["epic", "show", "e-0000000000"],
        ["epic", "resume", "e-0000000000"],
        ["epic", "cancel", "e-0000000000"],
        ["epic", "logs", "e-0000000000"],
        ["epic", "diff", "e-0000000000"],
        ["epic", "watch", "e-0000000000"],
        ["approval", "show", "a-0000000000"],
        ["approval", "approve", "a-0000000000"],
        ["agent", "show", "nobody"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_exits_4_with_one_line_and_nothing_on_stdout(genie, arguments):
    ended = genie(*arguments, "--json") if arguments[0] != "agent" else genie(*arguments)

    assert ended.code == 4
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert arguments[-1] in ended.err


def test_a_wrong_setting_exits_2_and_names_it(genie):
    ended = genie("epic", "list", env={"GENIE_LEASE_SECONDS": "lots"})

    assert ended.code == 2
    assert "GENIE_LEASE_SECONDS" in ended.err
    assert "'lots'" in ended.err


def test_a_database_that_does_not_answer_exits_1_without_its_password(genie):
    ended = genie("epic", "list", env={"GENIE_DATABASE_URL": "postgresql://ann:very-secret@127.0.0.1:1/genie"})

    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "very-secret" not in ended.err


def test_debug_shows_where_an_error_came_from(genie):
    ended = genie("epic", "show", "e-0000000000", "--debug")

    assert ended.code == 4
    assert "Traceback" in ended.err


def test_an_empty_list_is_json_with_items_and_next(genie):
    ended = genie("epic", "list", "--json")

    assert ended.code == 0
    assert ended.json() == {"items": [], "next": None}


def test_a_list_without_epics_tells_whether_there_are_none_at_all(genie):
    none, none_so = genie("epic", "list"), genie("epic", "list", "--status", "merged")

    assert (none.code, none_so.code) == (0, 0)
    assert "genie epic start" in none.out
    assert "for all of them: genie epic list" in none_so.out


@pytest.mark.parametrize("group", ["", "demo", "epic", "approval", "agent", "db", "doctor"])
def test_no_line_of_help_is_cut_off(genie, group):
    ended = genie(*group.split(), "--help")

    assert ended.code == 0
    assert "..." not in ended.out.replace("[ARGS]...", "")


def test_a_value_that_is_refused_is_refused_in_our_words(genie):
    ended = genie("epic", "list", "--status", "sleeping")

    assert "'sleeping' is not one of 'queued'" in ended.err
    assert "Value error" not in ended.err


def test_nothing_waits_in_a_new_database(genie):
    ended = genie("approval", "list")

    assert (ended.code, ended.out) == (0, "nothing waits for a person\n")


def test_the_database_tells_how_it_stands(genie):
    ended = genie("db", "status", "--json")

    assert ended.code == 0
    assert ended.json()["pending"] == []


def test_an_empty_database_is_told_so_and_migrated(genie, empty_database_url):
    env = {"GENIE_DATABASE_URL": empty_database_url}

    before, migrated, after = genie("db", "status", env=env), genie("db", "migrate", env=env), genie("db", "status", env=env)

    assert (before.code, migrated.code, after.code) == (1, 0, 0)
    assert "genie db migrate" in before.out


def test_the_doctor_finds_all_that_is_needed_and_shows_no_key(genie):
    ended = genie("doctor", "--json", env={"GENIE_MODEL": "anthropic:some-model", "ANTHROPIC_API_KEY": "sk-very-secret"})

    assert ended.code == 0
    assert {check["name"]: check["state"] for check in ended.json()["items"]}["database"] == "ok"
    assert "sk-very" not in ended.out + ended.err


def test_the_doctor_says_what_is_in_the_way_and_the_way_out(genie):
    ended = genie("doctor", env={"GENIE_MODEL": "anthropic:some-model"})

    assert ended.code == 1
    assert "ANTHROPIC_API_KEY" in ended.out


def test_every_workflow_of_the_graph_is_listed(genie):
    ended = genie("agent", "list", "--json")

    names = {workflow["name"] for workflow in ended.json()["items"]}
    assert names >= {"planning", "architect", "implement", "test", "review", "fix", "refactor", "document", "pr"}


def test_every_tool_is_listed_and_shown_with_what_it_takes(genie):
    listed, shown, unknown = genie("tool", "list", "--json"), genie("tool", "show", "git_log"), genie("tool", "show", "teleport")

    permissions = {tool["name"]: tool["permission"] for tool in listed.json()["items"]}
    assert (permissions["read_file"], permissions["tell_people"], permissions["fetch_url"]) == ("read", "record", "network")
    assert "How many commits to return." in shown.out
    assert (unknown.code, "there is no tool 'teleport'" in unknown.err) == (4, True)


def test_a_broken_workflow_is_named_with_file_and_line(genie, tmp_path):
    folder = tmp_path / "mine" / "greet"
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text("Say hello.")
    (folder / "allowed_tools.json").write_text("[]")
    (folder / "workflow.toml").write_text('description = "greets"\noutput = "song"\n')

    ended = genie("agent", "check", str(folder))

    assert ended.code == 2
    assert "workflow.toml:2" in ended.err
