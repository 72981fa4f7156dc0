"""The events that others can be told of are the same in the code, in the database and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from engine.webhooks import EVENTS

ROOT = Path(__file__).parents[3]


def test_the_database_writes_a_message_for_exactly_these_events():
    # The newest definition counts.
    written = [
        path.read_text() for path in sorted((ROOT / "db/sql/migrations").glob("*.sql")) if "FUNCTION write_outbox" in path.read_text()
    ]
    listed = re.search(r"WHERE e\.type IN \((.*?)\)", written[-1], re.DOTALL)

    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == list(EVENTS)


def test_the_documentation_lists_them_with_their_meaning():
    page = (ROOT / "docs/webhooks.md").read_text()

    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(EVENTS)


def test_each_of_them_is_written_somewhere():
    code = "".join(
        path.read_text()
        for folder in ("db", "engine", "epics")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".sql"} and path.name != "webhooks.py"
    )

    assert [event for event in EVENTS if f'"{event}"' not in code and f"'type', '{event}'" not in code] == []
