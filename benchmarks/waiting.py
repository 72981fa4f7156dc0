"""What ten thousand waiting epics cost: a page of the list over HTTP, and the memory of a worker and of a server."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from benchmarks.quantiles import p95
from db.embedded import open_embedded
from tests.fakes.machine import until
from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.team import Member, Team

_WAITING: Final = 10_000
_PAGES: Final = 200
_PAGE_MS: Final = 50
#: A worker looks at everything each second; what it kept of the waiting epics it would have by then.
_LOOKS_S: Final = 5.0
_MOST_MIB: Final = 5.0

# One epic that really came to its gate, copied with all that it keeps in the database but its journal.
_COPIES: Final = """
DO $$
DECLARE
    original text := (SELECT id FROM epics);
    part record;
    columns text;
    chosen text;
BEGIN
    CREATE TEMP TABLE copies AS SELECT n, 'e-9' || lpad(n::text, 9, '0') AS id, 'a-9' || lpad(n::text, 9, '0') AS approval
    FROM generate_series(1, {count}) AS n;
    FOR part IN
        SELECT * FROM (VALUES ('epics', 'id'), ('leases', 'thread_id'), ('attempts', 'epic_id'), ('moments', 'epic_id'),
            ('approvals', 'epic_id'), ('events', 'epic_id'), ('calls', 'epic_id'), ('checkpoints', 'thread_id'),
            ('checkpoint_blobs', 'thread_id'), ('checkpoint_writes', 'thread_id')) AS parts (name, key)
    LOOP
        SELECT
            string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position),
            string_agg(CASE
                WHEN column_name = part.key THEN 'copies.id'
                WHEN part.name = 'epics' AND column_name = 'waiting_on' OR part.name = 'approvals' AND column_name = 'id'
                    THEN 'copies.approval'
                ELSE 'o.' || quote_ident(column_name) END, ', ' ORDER BY ordinal_position)
        INTO columns, chosen
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = part.name AND is_identity = 'NO' AND is_generated = 'NEVER';
        EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I AS o, copies WHERE o.%I = %L',
            part.name, columns, chosen, part.name, part.key, original);
    END LOOP;
END
$$
"""


def measure() -> list[dict[str, Any]]:
    """Pages from the first to the last by the cursor, at all and by status; memory before the epics are there and after."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with open_embedded(folder / "server") as url:
        return await asyncio.to_thread(_figures, folder, url)


def _figures(folder: Path, url: str) -> list[dict[str, Any]]:
    with (
        ModelServer(STORY) as model,
        Team(folder, url, None, servers=1, workers=1, settings={"ANTHROPIC_BASE_URL": model.url}) as team,
        team.client() as client,
    ):
        _one_waits(client, str(make_repository(folder / "repo")))
        few = _page_ms(client, _PAGES // 4)
        time.sleep(_LOOKS_S)
        before = [_resident(member) for member in (*team.workers, *team.servers)]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_COPIES.replace("{count}", str(_WAITING)).encode())
            connection.execute("ANALYZE")
        many = _page_ms(client, _PAGES)
        time.sleep(_LOOKS_S)
        after = [_resident(member) for member in (*team.workers, *team.servers)]
    grown = [now - then for then, now in zip(before, after, strict=True)]
    return [
        {
            "name": f"a page of 50 among {_WAITING:,} waiting epics, p95",
            "value": round(p95(many), 1),
            "unit": "ms",
            "against": f"median {statistics.median(many):.1f} ms; the only epic: {statistics.median(few):.1f} ms",
            "ratio": None,
            "target": f"< {_PAGE_MS} ms",
            "met": p95(many) < _PAGE_MS,
        },
        _memory("a worker", before[0], grown[0]),
        # Pages were built meanwhile, so a server may have grown by what one of them takes.
        _memory("a server", before[1], grown[1]),
    ]


def _one_waits(client: httpx2.Client, repo: str) -> None:
    answer = client.post("/epics", json={"goal": GOAL, "repo": repo})
    answer.raise_for_status()
    path = f"/epics/{answer.json()['id']}"
    until(lambda: client.get(path).json()["status"] == "waiting", "the epic waits", every_s=0.1)


def _page_ms(client: httpx2.Client, pages: int) -> list[float]:
    took: list[float] = []
    cursor: str | None = None
    for number in range(pages):
        # By turns as `genie epic list` asks, and for what waits only.
        asked = {"limit": "50", **({"cursor": cursor} if cursor else {}), **({"status": "waiting"} if number % 2 else {})}
        begun = time.perf_counter()
        answer = client.get("/epics", params=asked)
        took.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
        cursor = answer.json()["next"]
    return took


def _resident(member: Member) -> float:
    """Resident memory of a process, in MiB."""
    fields = Path(f"/proc/{member.running.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in fields.splitlines() if line.startswith("VmRSS:"))


def _memory(who: str, before: float, grown: float) -> dict[str, Any]:
    return {
        "name": f"memory that {_WAITING:,} waiting epics take in {who}",
        "value": round(grown, 1),
        "unit": "MiB",
        "against": f"{before:.0f} MiB with one",
        "ratio": round((before + grown) / before, 3),
        "target": f"<= {_MOST_MIB:g} MiB",
        "met": grown <= _MOST_MIB,
    }
