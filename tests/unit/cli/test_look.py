"""Turns as `genie epic logs` shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.text import Text

from cli.look import _turn_parts
from engine.views import AttemptView
from epics.steps import Step

ATTEMPT = AttemptView(
    n=1,
    step=Step.PLANNING,
    workflow="planning",
    executor="in_process",
    model="some:model",
    branch=None,
    base_commit="ab" * 20,
    commit=None,
    turns=1,
    cost_usd=Decimal(0),
    ended_by=None,
    error="",
    files_changed=(),
    started_at=datetime(2026, 11, 21, 8, 0, tzinfo=UTC),
    ended_at=None,
)


@pytest.mark.parametrize("answer, is_shown", [("Final result processed.", False), ("[{'type': 'missing'}]", True)])
def test_an_output_that_was_not_taken_is_shown_with_what_is_wrong(answer, is_shown):
    turn = {"n": 1, "tool_calls": [{"name": "final_result", "args": {}}], "results": [{"name": "final_result", "content": answer}]}

    text = "\n".join(str(part) for part in _turn_parts(ATTEMPT, turn) if isinstance(part, Text))

    assert "→ final_result" in text
    assert (answer in text) is is_shown
