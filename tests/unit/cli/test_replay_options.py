"""What does not go together on the command line of a replay is refused before anything is opened."""

from __future__ import annotations

import pytest

from cli.main import run


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "give an EPIC to replay, or --check"),
        (("e-1", "--check", "all"), "give an EPIC to replay, or --check"),
        (("e-1", "--yes"), "are for --from"),
        (("e-1", "--guidance", "Be brief."), "are for --from"),
        (("e-1", "--verify", "--from", "2"), "three different things"),
        (("--check", "all", "--verify"), "three different things"),
    ],
    ids=["nothing", "both", "yes", "guidance", "verify and from", "verify and check"],
)
def test_what_does_not_go_together_is_refused_in_a_line(arguments, said, capsys):
    code = run(["replay", *arguments])

    assert code == 2
    assert said in capsys.readouterr().err
