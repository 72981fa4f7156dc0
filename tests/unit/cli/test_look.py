"""Turns as `genie epic logs` shows them."""

from __future__ import annotations

import pytest
from rich.text import Text

from cli.look import turn_parts


@pytest.mark.parametrize("answer, is_shown", [("Final result processed.", False), ("[{'type': 'missing'}]", True)])
def test_an_output_that_was_not_taken_is_shown_with_what_is_wrong(answer, is_shown):
    turn = {"n": 1, "tool_calls": [{"name": "final_result", "args": {}}], "results": [{"name": "final_result", "content": answer}]}

    text = "\n".join(str(part) for part in turn_parts("planning", 1, turn) if isinstance(part, Text))

    assert "→ final_result" in text
    assert (answer in text) is is_shown
