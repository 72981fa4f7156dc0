"""Knowledge as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts, on_one_line, table
from cli.words import ago, local
from engine.knowledge.views import KnowledgeStats, QueuedEpisode
from epics.knowledge import Entity, Fact, Found

_WIDTH: Final = 90
_NOTHING: Final = "nothing is known of this yet; `genie memory stats` tells how much there is"


def found_parts(found: Sequence[Found]) -> Iterator[RenderableType]:
    """What a search found: how, and in whole sentences."""
    if not found:
        yield Text(_NOTHING)
    for each in found:
        ways = ", ".join(f"{way} {rank}" for way, rank in each.ways.items())
        yield Text.assemble((each.fact.id, "bold"), f"  {_group(each.fact)}  {each.score:.4f}  ", (f"({ways})", "dim"))
        yield Text(printable(f"  {clean(each.fact.text, 2_000)}"))


def facts_table(found: Sequence[Fact]) -> Iterator[RenderableType]:
    """Facts, one per line."""
    if not found:
        yield Text(_NOTHING)
        return
    rows = [
        (
            Text(each.id, style="bold"),
            _group(each),
            ago(each.recorded_at),
            "ended" if each.valid_to else "",
            on_one_line(f"{_about(each)}{each.text}", _WIDTH),
        )
        for each in found
    ]
    yield table(("FACT", "GROUP", "AGO", "", "TEXT"), rows, right=("AGO",))


def fact_parts(fact: Fact) -> Iterator[RenderableType]:
    """One fact with its provenance."""
    attempt = f", attempt {fact.source.attempt}" if fact.source.attempt else ""
    yield facts(
        (
            ("fact", fact.id),
            ("group", fact.group.value),
            ("about", on_one_line(" ".join(part for part in (fact.subject, fact.relation, fact.object) if part), 400)),
            ("holds since", local(fact.valid_from)),
            ("until", local(fact.valid_to) if fact.valid_to else None),
            ("known since", local(fact.recorded_at)),
            ("known to have ended", local(fact.ended_at) if fact.ended_at else None),
            ("told by", clean(f"{fact.source.kind} {fact.source.id}{attempt}", 300)),
            ("in", clean(fact.title, 200)),
            ("episode", clean(fact.episode, 300)),
        )
    )
    yield Text(printable(fact.text))


def entities_table(found: Sequence[Entity]) -> Iterator[RenderableType]:
    """Entities, one per line."""
    if not found:
        yield Text(_NOTHING)
        return
    yield table(
        ("ENTITY", "GROUP", "FACTS"),
        [(clean(each.name, 200), each.group.value.removeprefix("genie_"), str(each.facts)) for each in found],
        right=("FACTS",),
    )


def queue_table(found: Sequence[QueuedEpisode]) -> Iterator[RenderableType]:
    """Episodes that are not stored, one per line."""
    if not found:
        yield Text("nothing waits to be stored")
        return
    rows = [
        (
            str(each.id),
            Text(each.state, style="red" if each.state == "dead" else ""),
            str(each.tries),
            ago(each.queued_at),
            on_one_line(each.title, _WIDTH // 2),
            on_one_line(each.problem or "", _WIDTH),
        )
        for each in found
    ]
    yield table(("ID", "STATE", "TRIES", "AGO", "TITLE", "PROBLEM"), rows, right=("TRIES", "AGO"))


def stats_parts(found: KnowledgeStats) -> Iterator[RenderableType]:
    """How much is known, and how much waits."""
    known = found.known
    yield facts(
        (
            ("store", found.store),
            ("known", f"{known.facts:,} facts of {known.episodes:,} episodes, about {known.entities:,} entities"),
            ("told", ", ".join(f"{number:,} {state}" for state, number in found.episodes.items())),
            ("meaning", found.without_vectors and clean(f"not searched: {found.without_vectors}", 400)),
        )
    )


def _group(fact: Fact) -> str:
    return fact.group.value.removeprefix("genie_")


def _about(fact: Fact) -> str:
    return f"{fact.subject}: " if fact.subject else ""
