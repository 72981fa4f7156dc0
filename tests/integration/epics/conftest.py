"""Whole epics on the real engine, with agents that play a script."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.epics.plays import CHECK, Played, Plays, script_of

Begin = Callable[..., Awaitable[Played]]


@pytest.fixture
async def begin(tmp_path: Path, database_url: str, git_repo) -> AsyncGenerator[Begin]:
    """Starts an epic on a script and a repository of its own, and closes the engine at the end of the test."""
    from config.settings import Settings
    from engine.bootstrap import open_engine
    from engine.starting import StartEpic

    async with AsyncExitStack() as stack:

        async def start(
            plays: Plays | None = None,
            *,
            files: Mapping[str, str] | None = None,
            toml: str = f'[test]\ncommand = "{CHECK}"\n',
            budget: str | None = None,
            auto_approve: bool = False,
            **asked: Any,
        ) -> Played:
            repo = git_repo({"README.md": "Greetings.\n", **({"genie.toml": toml} if toml else {}), **(files or {})})
            script = tmp_path / "script.json"
            script.write_text(json.dumps(script_of(plays or [])))
            settings = Settings.model_validate({"home": tmp_path / "home", "database_url": database_url})
            engine = await stack.enter_async_context(open_engine(settings, script=script))
            wanted = StartEpic(
                goal="Greet people",
                repo=str(repo),
                executor="scripted",
                budget_usd=Decimal(budget) if budget else None,
                auto_approve=auto_approve,
                **asked,
            )
            return Played(engine=engine, id=(await engine.start(wanted)).id, repo=repo)

        yield start
