"""A server without a process: the whole application, guard and all, on a real engine and a database of its own, asked in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
from starlette.types import ASGIApp

from api.app import create_app
from api.reach import LOCAL_NAMES
from api.serving import Serving
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine
from epics.roles import Grant, Role
from tests.fakes.servers import new_database
from tests.fakes.story import make_repository

ResultT = TypeVar("ResultT")

SCRIPT = Path(__file__).parents[2] / "cli" / "sample" / "script.toml"
HOME = "http://localhost/api/v1"


class Indoors:
    """The application; what it is asked runs on a loop of its own, so that a module's tests can share it."""

    def __init__(self, runner: asyncio.Runner, engine: Engine, app: ASGIApp, serving: Serving, database_url: str) -> None:
        self._runner = runner
        self._database_url = database_url
        self.engine = engine
        self.app = app
        self.serving = serving

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """What the work returns."""
        return self._runner.run(work)

    def ask(self, method: str, path: str, key: str | None = None, **sent: Any) -> httpx2.Response:
        """The answer to one request, which shows a key, if one is given."""
        shown = {} if key is None else {"Authorization": f"Bearer {key}"}
        given = sent.pop("headers", {})
        more = [*(given.items() if isinstance(given, Mapping) else given)]
        accepted = [] if any(name == "Accept" for name, _ in more) else [("Accept", "application/json")]
        headers = [*accepted, *shown.items(), *more]
        return self.run(self._asked(method, path, headers, sent))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query says, committed."""
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def new_key(self, person: str, *grants: Grant, **more: Any) -> str:
        """A key of a new person who has these grants."""

        async def made() -> str:
            await self.engine.access.add_person(person, grants)
            return (await self.engine.access.create_key(f"of {person}", grants, person=person, **more)).key

        return self.run(made())

    async def _asked(self, method: str, path: str, headers: Sequence[tuple[str, Any]], sent: Mapping[str, Any]) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=HOME) as client:
            return await client.request(method, path, headers=headers, **sent)


@contextmanager
def indoors(folder: Path, postgres_server: str, template: str, **settings: Any) -> Generator[Indoors]:
    """A server with an admin of everything, `root`."""
    with new_database(postgres_server, template) as url, asyncio.Runner() as runner:
        # Whoever asks for every operation with every key is no stranger who guesses.
        unbounded = {"requests_per_minute": 1_000_000, "requests_at_once": 100_000, "failures_per_minute": 100_000}
        given = Settings.model_validate({"home": folder / "home", "database_url": url, **unbounded, **settings})
        opening = open_engine(given, script=SCRIPT)
        engine = runner.run(opening.__aenter__())
        try:
            serving = Serving(settings=given, hosts=LOCAL_NAMES, engine_or_none=engine)
            made = Indoors(runner, engine, create_app(serving), serving, url)
            runner.run(engine.access.add_person("root", [Grant(role=Role.ADMIN)]))
            yield made
        finally:
            runner.run(opening.__aexit__(None, None, None))


class Household:
    """Two repositories with an epic, a run, a request, a session and an approval each: one that is the callers' own, and another."""

    def __init__(self, server: Indoors, folder: Path) -> None:
        self.ids: dict[str, dict[str, str]] = {}
        for whose in ("own", "other"):
            repo = str(make_repository(folder / whose))
            self.ids[whose] = {"repo": repo, **server.run(_things_in(server.engine, repo))}
            epic = self.ids[whose]["epics"]
            self.ids[whose]["approvals"] = approval = f"a-{epic.removeprefix('e-')}"
            server.rows(
                "INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary) "
                "VALUES (%s, %s, 'plan_gate', 1, 'x', 'Shall it?', '[\"approve\", \"changes\", \"reject\"]', 'A plan.')",
                *(approval, epic),
            )
            self.ids[whose]["asks"] = ask = f"q-{epic.removeprefix('e-')}"
            server.rows(
                "INSERT INTO asks (id, text, repo, person, caller, split_by, status)"
                " VALUES (%s, 'Greet', %s, 'root', '{}', 'rules', 'done')",
                *(ask, repo),
            )
            self.ids[whose]["sessions"] = session = f"s-{epic.removeprefix('e-')}"
            server.rows(
                "INSERT INTO agents (name, kind, description, content_hash) VALUES ('simple', 'python', '', '') ON CONFLICT DO NOTHING"
            )
            # With the run that has not ended: nothing is closed or removed by who only asks whether he may.
            server.rows(
                "INSERT INTO sessions (id, agent, repo, person, run_id) VALUES (%s, 'simple', %s, 'root', %s)",
                *(session, repo, self.ids[whose]["runs"]),
            )


async def _things_in(engine: Engine, repo: str) -> dict[str, str]:
    from engine.runs.orders import StartRun
    from engine.starting import StartEpic

    epic = (await engine.start(StartEpic(goal="Greet people", repo=repo, executor="scripted"))).id
    run = (await engine.runs.start(StartRun(workflow="pr", repo=repo, executor="scripted"))).id
    return {"epics": epic, "runs": run}
