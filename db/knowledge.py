"""The rows of what is known: facts, the episodes that told them, the entities that they name, and their vectors."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import psycopg

from db.connection import Connection, Pool
from db.failures import first_line, foreseen
from db.queries import QUERIES
from db.storable import jsonb, storable_text
from epics.agent_errors import FactNotFound, KnowledgeUnavailable
from epics.errors import GenieError, InvalidInput
from epics.knowledge import Episode, Fact, NewFact

Values = Mapping[str, Any]


@contextmanager
def _answering() -> Generator[None]:
    """Turn all that keeps the store from answering into the one error that callers foresee."""
    try:
        with foreseen():
            yield
    except (FactNotFound, InvalidInput, KnowledgeUnavailable):
        raise
    except (GenieError, psycopg.Error, TimeoutError) as error:
        message = f"knowledge cannot be read or written now: {first_line(error)}"
        raise KnowledgeUnavailable(message) from error


@asynccontextmanager
async def knowing(pool: Pool, *, seconds: float, wait_s: float) -> AsyncGenerator[Connection]:
    """A transaction in which no statement takes longer than so many seconds.

    Args:
        pool: connections to the database.
        seconds: what the server itself holds to; all together may not take much longer here.
        wait_s: how long a connection is waited for.

    Raises:
        KnowledgeUnavailable: if the database does not answer, or not in time.
    """
    with _answering():
        # Outermost: a server that says nothing at all does not hold to what it was told either.
        async with asyncio.timeout(2 * seconds + wait_s), pool.connection(wait_s) as connection, connection.transaction():
            await connection.execute(QUERIES["bound_knowledge"], {"ms": int(seconds * 1_000)})
            yield connection


async def known_project(connection: Connection, project: str) -> int:
    """The number of a project, given now if it has none."""
    return int((await all_rows(connection, "known_project", {"project": project}))[0]["id"])


async def project_number(connection: Connection, project: str) -> int | None:
    """The number of a project, or None if nothing was ever told of it."""
    rows = await all_rows(connection, "project_number", {"project": storable_text(project)})
    return int(rows[0]["id"]) if rows else None


async def add_episode(connection: Connection, episode: Episode) -> tuple[tuple[str, str], ...] | None:
    """Write an episode with its facts; return (id, text) of each, or None if the project has one of that key."""
    project = await known_project(connection, storable_text(episode.project))
    await all_rows(connection, "lock_project", {"project": project})
    shared: dict[str, Any] = {"project": project, "shelf": episode.group, "title": storable_text(episode.title)}
    told = {"key": storable_text(episode.key), "source": jsonb(episode.source.model_dump(mode="json")), "happened_at": episode.happened_at}
    added = await all_rows(connection, "add_knowledge_episode", {**shared, **told})
    if not added:
        return None
    shared["episode"] = added[0]["id"]
    told_facts = episode.facts or (NewFact.model_construct(text=episode.body),)
    written = [await _add_fact(connection, shared, episode, fact) for fact in told_facts]
    return tuple((values["id"], text_for_vector(values)) for values in written if values is not None)


async def _add_fact(connection: Connection, shared: Values, episode: Episode, fact: NewFact) -> Values | None:
    says = {name: value and storable_text(value) for name, value in fact.model_dump(include=set(_SAYS)).items()}
    values = {
        **shared,
        **dict.fromkeys(_SAYS),
        **says,
        "id": fact_id(episode, says),
        "replaces": fact.replaces,
        "valid_from": fact.valid_from or episode.happened_at,
        "valid_to": fact.valid_to,
    }
    added = await all_rows(connection, "add_knowledge_fact", values)
    if not added:
        return None
    values["n"] = added[0]["n"]
    if fact.replaces:
        await connection.execute(QUERIES["end_replaced"], values)
    if names := list(dict.fromkeys(name for name in (values["subject"], values["object"]) if name)):
        await connection.execute(QUERIES["add_mentions"], {**values, "names": names})
    return values


_SAYS: Final = ("text", "subject", "relation", "object")


def fact_id(episode: Episode, says: Values) -> str:
    """The id of a fact: made of what it says and where it was told, and so the same whenever the store is made anew."""
    told = json.dumps([episode.project, episode.key, *(says.get(name) for name in _SAYS)])
    return f"f-{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def text_for_vector(row: Values) -> str:
    """What is turned into a vector for a fact."""
    return " ".join(part for part in (row["subject"], row["object"], row["text"]) if part)


async def facts_by_number(connection: Connection, project: str, found: Sequence[int], scope: Values) -> dict[int, Fact]:
    """The facts of these numbers; what went since they were found is left out."""
    rows = await all_rows(connection, "facts_by_number", {**scope, "facts": list(found)})
    return {row["n"]: _fact(row, project) for row in rows}


async def list_facts(connection: Connection, project: str, values: Values) -> tuple[Fact, ...]:
    """Facts, the newest first."""
    return tuple(_fact(row, project) for row in await all_rows(connection, "list_facts", values))


async def fact_by_id(connection: Connection, project: str, fact: str) -> Fact:
    """One fact of a project.

    Raises:
        FactNotFound: if it has none of that id.
    """
    number = await project_number(connection, project)
    rows = await all_rows(connection, "fact_by_id", {"project": number, "fact": storable_text(fact)}) if number is not None else []
    if not rows:
        message = f"nothing of the id {fact!r} is known of {project}"
        raise FactNotFound(message)
    return _fact(rows[0], project)


async def numbers(connection: Connection, query: str, values: Values) -> list[int]:
    """The numbers of the facts that one way of searching found, best first."""
    return [row["n"] for row in await all_rows(connection, query, values)]


async def forget_facts(connection: Connection, values: Values) -> int:
    """Delete facts, their vectors, and episodes and entities that nothing is left of; return how many facts went."""
    await all_rows(connection, "lock_project", values)
    gone = (await all_rows(connection, "forget_facts", values))[0]
    if gone["ids"]:
        await connection.execute(QUERIES["drop_vectors"], {"facts": gone["ids"]})
        await connection.execute(QUERIES["drop_empty_episodes"], {"episodes": gone["episodes"]})
        await connection.execute(QUERIES["drop_unnamed_entities"], values)
    return len(gone["ids"])


async def wipe(connection: Connection, project: int | None) -> None:
    """Delete all that is known, of one project or of all."""
    await all_rows(connection, "lock_projects", {"project": project})
    await connection.execute(QUERIES["wipe_knowledge"], {"project": project})


async def prepare_vectors(connection: Connection, model: str, dimensions: int) -> str | None:
    """Make room for the vectors of a model; what keeps this server from having any, or None."""
    return (
        str(row["problem"]) if (row := (await all_rows(connection, "prepare_vectors", _model(model, dimensions)))[0])["problem"] else None
    )


async def keep_vectors(connection: Connection, model: str, vectors: Iterable[tuple[str, Sequence[float]]]) -> None:
    """Keep the vectors of facts, by their ids; a fact that went meanwhile gets none."""
    for fact, vector in vectors:
        values = {"model": stored_model(model, len(vector)), "fact": fact, "vector": vector_text(vector)}
        await connection.execute(QUERIES["keep_vector"], values)


async def facts_without_vector(connection: Connection, model: str, dimensions: int, most: int) -> list[tuple[str, str]]:
    """Facts that a model has made no vector of yet, the newest first, each as (id, text)."""
    rows = await all_rows(connection, "facts_without_vector", {"model": stored_model(model, dimensions), "most": most})
    return [(row["id"], text_for_vector(row)) for row in rows]


def vector_text(vector: Sequence[float]) -> str:
    """A vector as the extension reads it."""
    return f"[{','.join(format(each, '.6g') for each in vector)}]"


def stored_model(model: str, dimensions: int) -> str:
    """How vectors of a model are marked: those of another length are another model's."""
    return f"{model} {dimensions}"


def _model(model: str, dimensions: int) -> Values:
    return {"model": model, "dimensions": dimensions}


def _fact(row: Values, project: str) -> Fact:
    names = ("id", "text", "subject", "relation", "object", "valid_from", "valid_to", "recorded_at", "ended_at", "title", "source")
    return Fact.model_validate({**{name: row[name] for name in names}, "project": project, "group": row["shelf"], "episode": row["key"]})


async def all_rows(connection: Connection, query: str, values: Values) -> list[dict[str, Any]]:
    """All rows of a named query, in a transaction of `knowing`."""
    return await (await connection.execute(QUERIES[query], values)).fetchall()
