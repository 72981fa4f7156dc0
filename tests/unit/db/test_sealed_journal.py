"""Texts of the journal on their way into the database and out of it."""

from __future__ import annotations

import pytest

from db.sealed_histories import sealed_rows
from db.sealed_journal import brief_context, open_attempts, open_text, seal_document, seal_text
from db.sealer import NoSealer

LOOKS_SEALED = "gs1.d-0123456789abcdef." + "A" * 60


@pytest.mark.parametrize("said", [LOOKS_SEALED, "gs1. is how a line may begin", "gs1.clear.", "an ordinary line", ""])
async def test_what_a_command_prints_is_never_taken_for_something_sealed(said):
    sealer = NoSealer()

    brief = await seal_text(sealer, said, brief_context(1))
    setup = await seal_document(sealer, "setup", 1, {"ok": False, "log": said})
    [row] = await open_attempts(sealer, [{"n": 1, "setup": setup, "brief": brief}])

    assert row == {"n": 1, "setup": {"ok": False, "log": said}, "brief": said}


async def test_a_history_from_elsewhere_is_not_either():
    rows = {"briefs": [{"attempt": 1, "text": LOOKS_SEALED}], "turns": [], "attempts": []}

    kept = await sealed_rows(NoSealer(), rows)

    assert await open_text(NoSealer(), kept["briefs"][0]["text"], brief_context(1)) == LOOKS_SEALED
