"""How errors end a command."""

from __future__ import annotations

import pytest
from typer import BadParameter

from cli.errors import ExitCode, Interrupted, exit_code_of, sentence_of
from epics import errors


@pytest.mark.parametrize(
    "error,code",
    [
        pytest.param(errors.InvalidInput("x"), 2, id="input"),
        pytest.param(errors.InvalidSettings("x"), 2, id="settings"),
        pytest.param(errors.RepositoryUnusable("x"), 2, id="repository"),
        pytest.param(errors.EpicNotFound("x"), 4, id="epic"),
        pytest.param(errors.ApprovalNotFound("x"), 4, id="approval"),
        pytest.param(errors.WorkflowNotFound("x"), 4, id="workflow"),
        pytest.param(errors.BudgetSpent("x"), 3, id="budget"),
        pytest.param(errors.EpicHeld("e-1", "w", 3.0), 1, id="held"),
        pytest.param(errors.AlreadyDecided("a-1", "approve", "ann", "today"), 1, id="decided"),
        pytest.param(errors.StoreUnavailable("x"), 1, id="store"),
        pytest.param(errors.Environment("x"), 1, id="machine"),
        pytest.param(Interrupted("e-1"), 130, id="interrupted epic"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
        pytest.param(BadParameter("x"), 2, id="usage"),
        pytest.param(RuntimeError("x"), 1, id="unforeseen"),
    ],
)
def test_an_error_ends_the_command_with_the_code_of_its_nearest_class(error, code):
    assert exit_code_of(error) == code


def every_error(kind: type[errors.GenieError]) -> list[type[errors.GenieError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in every_error(below))]


@pytest.mark.parametrize("kind", every_error(errors.GenieError))
def test_no_foreseen_error_ends_a_command_as_if_all_were_well(kind):
    error = kind.__new__(kind)

    assert exit_code_of(error) in set(ExitCode) - {ExitCode.DONE}


def test_an_interrupted_epic_says_how_to_go_on():
    assert sentence_of(Interrupted("e-0abc")) == "interrupted; go on with: genie epic resume e-0abc"


def test_a_message_of_several_lines_becomes_one():
    assert sentence_of(errors.GitFailed("git said\n  fatal:\tno")) == "git said fatal: no"


def test_an_unforeseen_error_says_its_name_and_how_to_see_more():
    sentence = sentence_of(ValueError("seven"))

    assert sentence.startswith("unexpected ValueError: seven;")
    assert "--debug" in sentence
