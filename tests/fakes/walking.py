"""Random walks through the time of epics: steps, decisions, edits of every kind, rollbacks, undos, forks, cuts and collections."""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from epics.errors import Conflict, EpicHeld, GenieError
from epics.going_back import Level
from epics.state import TERMINAL
from tests.fakes.editing import BROKEN, EDITS, FAILS, IGNORED, POOR, RARE
from tests.fakes.witness import Witness

EDITOR: Final = Path(__file__).parent / "editing.py"
FILES: Final = {
    "README.md": "Greetings.\n",
    "genie.toml": f'[test]\ncommand = "test ! -e {BROKEN}"\n',
    ".gitignore": IGNORED,
    "kinds/first.txt": "first\n",
    "kinds/second.txt": "second\n",
}
"""The repository that walks begin in."""

MOST_EPICS: Final = 5
CHOICES: Final = {
    "plan_gate": (*["approve"] * 10, "changes", "reject"),
    "merge_gate": (*["approve"] * 4, "changes", "changes", "reject"),
    "failure_gate": ("retry", "retry", "rollback", "abandon"),
}
_POOR_WORK: Final = {"id": "F1", "severity": "major", "file": POOR, "what": "It is poor.", "why": "Better is better."}


def script_for(story: Callable[..., dict[str, Any]], folder: Path) -> dict[str, Any]:
    """The script whose agents edit as the orders in a folder say."""
    edits = {"run": [f"python3 '{EDITOR}' '{folder}'"]}
    ends = {"when_results_contain": FAILS, "fail": "turns"}
    plan = {"summary": "Edit.", "tasks": ["Edit"], "acceptance_criteria": ["edited"], "allowed_paths": ["**"]}
    found = {
        "workflow": "review",
        "when_tree_has": {POOR: ""},
        "turns": [{"output": {"verdict": "findings", "summary": "Poor.", "findings": [_POOR_WORK]}}],
    }
    work = {name: [edits, {"output": {"summary": "Edited."}, "instead": [ends]}] for name in ("implement", "fix", "refactor")}
    return story(found, planning=[{"output": plan}], **work)


@dataclass(kw_only=True)
class Walk:
    """One walk; what is random in it comes from the seed."""

    seed: int
    folder: Path
    witness: Witness
    epics: list[Any]
    """Those of `tests/integration/going_back/conftest.py`."""
    large: bool = False
    """Whether files of 50 MB are among the edits."""
    thorough: bool = False
    did: list[str] = field(default_factory=list)

    async def go(self, deeds: int) -> None:
        """Do so many things, each followed by a look at everything; what fails is said with the way that led there."""
        self._chance = random.Random(self.seed)
        self._order()
        try:
            await self.witness.look(thoroughly=True)
            for number in range(deeds):
                self._order(number)
                epic = self._chance.choice(self.epics)
                kinds, weights = zip(*self._deeds().items(), strict=True)
                (deed,) = self._chance.choices(kinds, [weight for weight, _ in weights])
                self.did.append(f"{deed} {self.epics.index(epic)}")
                stepped = await self._deeds()[deed][1](epic)
                await self.witness.look(thoroughly=self.thorough, stepped=stepped)
            self.witness.collect()
            await self.witness.look(thoroughly=True)
        except BaseException as error:
            error.add_note(f"seed {self.seed}, after: {'; '.join(self.did)}")
            raise

    def _deeds(self) -> Mapping[str, tuple[int, Callable[[Any], Awaitable[str | None]]]]:
        return {
            "carry on": (16, self._carry_on),
            "cut": (2, self._cut),
            "roll back": (7, self._roll_back),
            "undo": (3, self._undo),
            "fork": (2, self._fork),
            "cancel": (1, self._cancel),
            "collect": (2, self._collect),
            "work beside": (1, self._work_beside),
        }

    def order(self, kinds: Sequence[str], *, most: int, number: int = 0, fails: float = 0.0) -> None:
        """Say which edits agents make from now on, how many of them, and how often they give up."""
        assert set(kinds) <= {*EDITS, *RARE}
        orders = {"seed": f"{self.seed} {number}", "kinds": list(kinds), "most": most, "fails": fails}
        (self.folder / "orders.json").write_text(json.dumps(orders))

    def _order(self, number: int = 0) -> None:
        bad = self._chance.sample((BROKEN, POOR), k=self._chance.randint(0, 2))
        self.order([*EDITS, *bad, *(["large"] if self.large and number % 7 == 0 else [])], most=6, number=number, fails=0.15)

    async def _carry_on(self, epic: Any) -> str | None:
        """Decide or resume, and advance to the next gate or the end."""
        view = await epic.engine.epic(epic.id)
        if view.status in TERMINAL:
            self.did[-1] += f": {view.status}"
            return None
        if view.status == "paused":
            await epic.engine.resume(epic.id, by="ann")
        elif view.status == "waiting":
            await self._decide(epic, view)
        view = await self._advanced(epic)
        self.did[-1] += f": {view.status} {view.step}"
        # What a step foresees has words of Genie's own; anything else is an error that nobody foresaw.
        assert not re.match(r"\w+(Error|Exception|Iteration)\b", view.problem or ""), view.problem
        assert view.status in {*TERMINAL, "waiting"}, f"{view.status} at {view.step}: {view.problem}"
        return str(epic.id)

    async def _advanced(self, epic: Any) -> Any:
        async with asyncio.timeout(60):
            while True:
                try:
                    return await epic.engine.advance(epic.id)
                except EpicHeld:
                    # Cut off as it gave its lease back: that ends by itself.
                    await asyncio.sleep(0.5)

    async def _decide(self, epic: Any, view: Any) -> None:
        choice = self._chance.choice(CHOICES[view.step])
        more = {"to": self._chance.choice(await epic.engine.moments(epic.id)).n} if choice == "rollback" else {}
        self.did[-1] += f": {choice} {more or ''}"
        try:
            await epic.began.decide(choice, comment="Differently.", **more)
        except Conflict as refused:
            if choice != "rollback" or not await self._asks_to_revert(epic):
                raise
            self.did[-1] += f": {refused}"

    async def _cut(self, epic: Any) -> str:
        """Carry on, and be interrupted at some instant."""
        view = await epic.engine.epic(epic.id)
        if view.status == "paused":
            await epic.engine.resume(epic.id, by="ann")
        elif view.status == "waiting":
            await self._decide(epic, view)
        task = asyncio.create_task(epic.engine.advance(epic.id))
        await asyncio.wait({task}, timeout=self._chance.uniform(0, 1.5))
        task.cancel()
        await asyncio.wait({task})
        return str(epic.id)

    async def _roll_back(self, epic: Any) -> None:
        moments = await epic.engine.moments(epic.id)
        to = self._chance.choice([0, *(moment.n for moment in moments)])
        level = self._chance.choice([*Level, Level.FULL])
        before = await epic.engine.epic(epic.id)
        self.did[-1] += f": {before.status} {before.step} to {to} {level}"
        asked = {"to": to, "level": level, "guidance": self._chance.choice(("", "Otherwise."))}
        try:
            plan = (await epic.back(**asked, dry_run=True)).plan
            done = await epic.back(**asked)
        except Conflict as refused:
            # Nothing to go back from; or others' work, or the level, stands in the way of a revert.
            if moments and before.status != "merged" and not await self._asks_to_revert(epic):
                raise
            self.did[-1] += f": {refused}"
            assert await epic.engine.moments(epic.id) == moments
            return
        last = (await epic.engine.moments(epic.id))[-1]
        assert (done.done, last.outcome) == ("done", "rolled_back")
        # Stopped at its merge, it is merged first if that was made.
        assert last.n - before.moment in ({1, 2} if before.step == "merge" else {1})
        assert done.epic.status == "paused", done.epic.status
        if plan.kind == "rollback":
            files_from = before.moment if level is Level.STATE else to
            (began,) = await epic.began.rows("SELECT base_commit FROM epics WHERE id = %s")
            commit = next((moment.commit for moment in moments if moment.n == files_from), began["base_commit"])
            assert last.commit == plan.commit == commit, f"rolled back to {last.commit}, not to {commit}"
            assert last.back_to == to
            if (tree := next((moment.tree for moment in moments if moment.n == files_from), None)) is not None:
                assert await self.witness.files_of(last.commit) == self.witness.trees[tree], "the files are not those of the moment"

    async def _asks_to_revert(self, epic: Any) -> bool:
        """Whether it is merged work, with a proposal to take it back."""
        return bool(await epic.began.rows("SELECT 1 AS one FROM rollbacks WHERE epic_id = %s AND kind = 'revert'"))

    async def _undo(self, epic: Any) -> None:
        before = await epic.engine.epic(epic.id)
        rolled = await epic.began.rows(
            # Of a fork only its own.
            "SELECT r.before_moment FROM rollbacks r JOIN epics e ON e.id = r.epic_id AND r.moment > coalesce(e.forked_at, 0)"
            " WHERE r.epic_id = %s ORDER BY r.moment DESC LIMIT 1"
        )
        self.did[-1] += f": {before.status} {before.step}"
        try:
            done = await epic.back(undo=True)
        except Conflict as refused:
            if rolled and before.status != "merged" and not await self._asks_to_revert(epic):
                raise
            self.did[-1] += f": {refused}"
            return
        self.did[-1] += f" to {rolled[0]['before_moment']}"
        moments = {moment.n: moment for moment in await epic.engine.moments(epic.id)}
        # Stopped at its merge, it is merged first if that was made.
        assert done.epic.moment - before.moment in ({1, 2} if before.step == "merge" else {1})
        if done.plan.kind == "undo":
            there = moments[rolled[0]["before_moment"]]
            assert (moments[done.epic.moment].commit, done.epic.head) == (there.commit, there.commit)

    async def _fork(self, epic: Any) -> None:
        moments = await epic.engine.moments(epic.id)
        at = self._chance.choice([0, *(moment.n for moment in moments)])
        self.did[-1] += f": at {at}"
        if len(self.epics) >= MOST_EPICS:
            return
        events = "(SELECT jsonb_agg(v ORDER BY n) FROM events v WHERE epic_id = e.id)"
        rows = f"SELECT to_jsonb(e) AS epic, {events} AS events FROM epics e WHERE id = %s"
        before = await epic.began.rows(rows)
        fork = await epic.fork(at)
        assert await epic.began.rows(rows) == before, "the source was touched"
        view = await fork.engine.epic(fork.id)
        assert (view.status, view.forked_from, view.forked_at) == ("paused", epic.id, at)
        self.epics.append(fork)

    async def _cancel(self, epic: Any) -> None:
        if (await epic.engine.epic(epic.id)).status not in TERMINAL and len(self.did) > 5:
            try:
                await epic.engine.cancel(epic.id, by="ann")
            except GenieError as refused:
                self.did[-1] += f": {refused}"

    async def _collect(self, epic: Any) -> None:
        del epic
        self.witness.collect()

    async def _work_beside(self, epic: Any) -> str:
        """The person commits something of their own, and leaves something in no commit."""
        del epic
        repo, name = self.witness.repo, f"theirs-{len(self.did)}"
        (repo / f"{name}.txt").write_text(f"{name}\n")
        identity = ("-c", "user.name=B", "-c", "user.email=b@example.org")
        for words in (("add", f"{name}.txt"), (*identity, "commit", "-q", "-m", name)):
            subprocess.run(["git", "-C", repo, *words], check=True, capture_output=True)
        self.witness.plant(f"{name}.tmp", b"not in any commit\n")
        self.witness.plant(f"build/{name}.o", b"\0ignored")
        return ""
