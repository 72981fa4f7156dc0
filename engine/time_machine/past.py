"""What a face reads of an epic's past: the part of the engine that `genie time` and its twins over HTTP ask."""

from __future__ import annotations

from typing import Any

from db.attempts import setup_of_attempt
from db.epics import fetch_one
from db.journal import AttemptJournal
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.history import MOMENTS_OF_A_PAGE, costs_view, list_moments, moment_view, page_of_moments
from engine.history_views import CostsView, DiffView
from engine.reading import epic_id_of, epic_view, list_attempts
from engine.recording import turn_of
from engine.time_machine import naming
from engine.time_machine.comparing import compare
from engine.time_machine.comparison_views import Comparison
from engine.time_machine.differing import DIFF_CAP, diff_between
from engine.time_machine.moment_views import MomentDetail
from engine.time_machine.showing import moment_detail
from engine.transcript import readable
from engine.views import AttemptView, MomentView, Page, SetupView
from epics.errors import HistoryPruned, MomentNotFound, NotFound
from timemachine.diffs import diff_text
from timemachine.workspace import open_workspace


class Past:
    """The moments, attempts, costs and changes of epics."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool

    async def moments(self, epic: str) -> tuple[MomentView, ...]:
        """The moments of an epic, in rising order."""
        return await list_moments(self._pool, await epic_id_of(self._pool, epic))

    async def moment_page(self, epic: str, *, limit: int = MOMENTS_OF_A_PAGE, cursor: str | None = None) -> Page[MomentView]:
        """A page of the moments of an epic, in rising order."""
        return await page_of_moments(self._pool, await epic_id_of(self._pool, epic), limit=limit, cursor=cursor)

    async def moment(self, epic: str, n: int) -> MomentDetail:
        """One moment of an epic with all that is known of it; see `moment_detail`."""
        return await moment_detail(self._installation, await epic_view(self._pool, await epic_id_of(self._pool, epic)), n)

    async def moment_number(self, epic: str, given: str) -> int:
        """The number of the moment that a person means by its number or its name; see `naming.moment_number`."""
        return await naming.moment_number(self._pool, await epic_id_of(self._pool, epic), given)

    async def mark(self, epic: str, n: int, name: str | None, *, by: str) -> MomentView:
        """Give a moment a name, or take it away with None; see `naming.mark`."""
        epic_id = await epic_id_of(self._pool, epic)
        await naming.mark(self._pool, epic_id, n, name, by=by)
        return await moment_view(self._pool, epic_id, n)

    async def costs(self, epic: str) -> CostsView:
        """What an epic cost, and where."""
        return await costs_view(self._pool, await epic_view(self._pool, await epic_id_of(self._pool, epic)))

    async def diff(self, epic: str, *, begin: int | None = None, end: int | None = None) -> DiffView:
        """What changed between two moments of an epic; see `diff_between`."""
        return await diff_between(self._installation, await epic_view(self._pool, await epic_id_of(self._pool, epic)), begin, end)

    async def compare(self, left: str, right: str, *, with_diff: bool = False) -> Comparison:
        """Two epics of one repository side by side; see `engine.time_machine.comparing.compare`."""
        views = [await epic_view(self._pool, await epic_id_of(self._pool, epic)) for epic in (left, right)]
        return await compare(self._installation, *views, with_diff=with_diff)

    async def attempts(self, epic: str) -> tuple[AttemptView, ...]:
        """The attempts of an epic, in rising order."""
        return await list_attempts(self._pool, await epic_id_of(self._pool, epic))

    async def attempt_log(self, epic: str, n: int) -> tuple[dict[str, Any], ...]:
        """The turns of an attempt, for reading.

        Raises:
            MomentNotFound: if the epic has no such attempt.
            HistoryPruned: if its turns were pruned.
        """
        epic_id = await epic_id_of(self._pool, epic)
        attempt = await fetch_one(self._pool, "attempt", {"epic": epic_id, "n": n})
        if attempt is None:
            raise _no_attempt(epic_id, n)
        if attempt["pruned_turns"]:
            message = f"the {attempt['pruned_turns']} turns of attempt {n} of epic {epic_id} were pruned: see `genie epic show {epic_id}`"
            raise HistoryPruned(message)
        rows = await AttemptJournal.read(self._pool, epic_id, n)
        return tuple(self._pool.clean(readable(turn_of(row))) for row in rows)

    async def setup_log(self, epic: str, n: int) -> SetupView:
        """What came of making the work tree of an attempt ready.

        Raises:
            MomentNotFound: if the epic has no such attempt.
            NotFound: if nothing was to do.
        """
        epic_id = await epic_id_of(self._pool, epic)
        row = await setup_of_attempt(self._pool, epic_id, n)
        if row is None:
            raise _no_attempt(epic_id, n)
        if row["setup"] is None:
            message = f"nothing was to do to make the work tree of attempt {n} ready: genie.toml has no [environment]"
            raise NotFound(message)
        return SetupView.model_validate({"attempt": n, **row["setup"]})

    async def changes(self, epic: str) -> str:
        """The diff of an epic against the commit that it began from, capped."""
        view = await epic_view(self._pool, await epic_id_of(self._pool, epic))
        facts = await fetch_one(self._pool, "epic_facts", {"epic": view.id}) or {}
        workspace = await open_workspace(self._installation.home, view.repo, self._installation.git_environment)
        begun, head = facts["base_commit"], view.head or facts["base_commit"]
        await bring_to_read(self._pool, workspace.mirror, facts, (begun, head))
        shown = await diff_text(workspace.mirror, begun, head, DIFF_CAP)
        return shown.text


def _no_attempt(epic_id: str, n: int) -> MomentNotFound:
    return MomentNotFound(f"epic {epic_id} has no attempt {n}: see `genie epic show {epic_id}`")
