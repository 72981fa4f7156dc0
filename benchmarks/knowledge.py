"""How long a search of 100,000 facts takes, by words and vectors, in a large project and in a small one."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.quantiles import p95
from db.connection import Database, open_database
from epics.knowledge import Group
from memory.port import Query
from memory.postgresql import PostgresKnowledge
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.known_facts import Made, make_facts, write_facts

SIZES: Final = {"/repos/large": 80_000, "/repos/middle": 18_000, **{f"/repos/small-{n}": 200 for n in range(10)}}
DIMENSIONS: Final = 256
_SEARCHES: Final = 150
_TARGET_MS: Final = 50.0


def measure() -> list[dict[str, Any]]:
    """The 95th percentile of searches for a sentence, and how many facts of others were found."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    made = make_facts(SIZES)
    embedder = HashingEmbedder(DIMENSIONS)
    async with _filled(folder, made, embedder) as database:
        words, both = PostgresKnowledge(database.pool), PostgresKnowledge(database.pool, embedder)
        figures, strange = [], 0
        for name, store in (("words", words), ("words and vectors", both)):
            for project in ("/repos/large", "/repos/middle", "/repos/small-3"):
                took, others = await _searches(store, project, made)
                strange += others
                figures.append(_figure(f"search by {name}, {SIZES[project]:,} facts of {len(made):,}", p95(took)))
        figures.append(
            {
                "name": "facts of another project or shelf that were found",
                "value": strange,
                "unit": "",
                "against": "",
                "ratio": "",
                "target": "0",
                "met": strange == 0,
            }
        )
        return figures


@asynccontextmanager
async def _filled(folder: Path, made: list[Made], embedder: HashingEmbedder) -> AsyncGenerator[Database]:
    async with open_database(None, folder / "home") as database:
        await write_facts(database.pool, made, embedder)
        yield database


async def _searches(store: PostgresKnowledge, project: str, made: list[Made]) -> tuple[list[float], int]:
    """Milliseconds of each search, and how many facts they found that they must not."""
    chance = random.Random(11)  # the same questions each time
    own = [fact for fact in made if fact.project == project]
    allowed = {f"f-{fact.number}": fact.group for fact in own}
    took, strange = [], 0
    for number in range(_SEARCHES + 10):
        about = chance.choice(own)
        words = about.text.split()
        text = " ".join(chance.sample(words, 6)) if number % 3 else " ".join(chance.choice(own).text.split()[:3] + words[:9])
        groups = tuple(Group) if number % 2 else (about.group, Group.LEARNING)
        began = time.perf_counter()
        found = await store.search(Query(project=project, text=text, groups=groups))
        took.append((time.perf_counter() - began) * 1_000)
        strange += sum(each.fact.id not in allowed or each.fact.group not in groups for each in found)
    return took[10:], strange


def _figure(name: str, value: float) -> dict[str, Any]:
    return {
        "name": f"{name}: p95",
        "value": round(value, 1),
        "unit": "ms",
        "against": "",
        "ratio": "",
        "target": f"<= {_TARGET_MS:.0f} ms",
        "met": value <= _TARGET_MS,
    }
