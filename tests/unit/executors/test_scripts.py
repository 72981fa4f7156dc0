"""A script is chosen by what the order shows, and a broken one is told with its place."""

from __future__ import annotations

import pytest

from epics.errors import InvalidInput
from executors.scripted import ScriptedExecutor
from executors.scripts import PlayTurn, Script, load_script

OUTPUT = {"output": {"summary": "x"}}


def play(workflow="fix", **conditions):
    return {"workflow": workflow, "turns": [OUTPUT], **conditions}


def script(*plays):
    return Script.model_validate({"plays": plays})


def test_the_first_play_that_fits_is_played(tmp_path):
    (tmp_path / "a.py").write_text("wrong = True\n")
    chosen = script(
        play("review"),
        play(when_brief_contains="conflict"),
        play(when_tree_has={"b.py": ""}),
        play(when_tree_has={"a.py": "right"}),
        play(when_tree_lacks={"a.py": "wrong"}),
        play(when_tree_has={"a.py": "wrong"}),
        play(),
    )

    assert chosen.play_for("fix", "Workflow: fix", tmp_path) == 5
    assert chosen.play_for("fix", "a conflict", tmp_path) == 1
    assert chosen.play_for("pr", "", tmp_path) is None


def test_a_turn_answers_to_what_its_tools_said():
    turn = PlayTurn.model_validate({**OUTPUT, "instead": [{"when_results_contain": "exit code 1", "run": ["true"]}]})

    assert turn.given("exit code 1 (0.1 s)").run == ("true",)
    assert turn.given("exit code 0 (0.1 s)") is turn


def test_what_a_turn_does_are_calls_of_tools_in_order():
    turn = PlayTurn.model_validate(
        {
            "write": {"a": "1"},
            "edit": [{"path": "a", "old": "1", "new": "2"}],
            "delete": ["b"],
            "run": ["ls"],
            "calls": [{"tool": "list_files"}],
        }
    )

    assert [call.tool for call in turn.all_calls] == ["write_file", "edit_file", "run_command", "run_command", "list_files"]


def test_a_script_is_read_from_toml(tmp_path):
    path = tmp_path / "demo.toml"
    path.write_text(
        "pause_s = 0.1\n[[plays]]\nworkflow = 'fix'\n[[plays.turns]]\nrun = ['ls']\n[[plays.turns]]\noutput = { summary = 'x' }\n"
    )

    loaded = load_script(path)

    assert (loaded.pause_s, loaded.plays[0].turns[0].run) == (0.1, ("ls",))


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("gone.json", None, "cannot be read"),
        ("a.json", "{", "is not json"),
        ("a.toml", "= 1", "is not toml"),
        ("a.json", '{"plays": [{"workflow": "fix", "turns": [{"say": "only words"}]}]}', r"plays\.0\.turns\.0"),
        ("a.json", '{"plays": [], "colour": "red"}', "plays"),
    ],
)
def test_a_broken_script_is_told_with_its_place(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)

    with pytest.raises(InvalidInput, match=said):
        load_script(tmp_path / name)


def test_a_real_model_is_not_silently_replaced_by_a_script():
    with pytest.raises(InvalidInput, match="asks no model"):
        ScriptedExecutor(script(play())).check_models(("anthropic:claude-sonnet-5-5",))
