"""What people say to agents: told once, in the request or in the brief, and a replay, a fork and an import know it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import OUTPUTS

pytestmark = pytest.mark.postgres

WORK = [{"calls": [{"tool": "list_files"}]}, {"write": {"greeting.txt": "hello\n"}}, {"output": OUTPUTS["implement"]}]
WORDS = "Say hello, not hi:\n\t~~~~ and mind the {{ braces }}"


class Spoken:
    """An executor into whose agent's first turn somebody speaks."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.name = inner.name
        self.say: Any = None

    def check_models(self, models: tuple[str, ...]) -> None:
        self.inner.check_models(models)

    async def run(self, order: Any, journal: Any) -> Any:
        completed = journal.completed

        async def then_say(n: int, *, results: Any, changed: bool) -> None:
            await completed(n, results=results, changed=changed)
            if order.workflow.name == "implement" and n == 1:
                await self.say()

        journal.completed = then_say
        return await self.inner.run(order, journal)


@pytest.fixture
async def spoken(converse, story):
    """An epic that came to its end, and was told something in the second turn of `implement`."""
    spoken: list[Spoken] = []

    def wrap(inner: Any) -> Any:
        spoken.append(Spoken(inner))
        return spoken[0]

    told = await converse(story(implement=WORK), wrap=wrap, auto_approve=True)

    async def say() -> None:
        await told.engine.say(told.id, WORDS, by="ann")

    spoken[0].say = say
    assert (await told.to_the_end()).status == "merged"
    return told


async def test_what_is_said_to_an_agent_at_work_stands_in_its_next_request_word_for_word_then_and_in_a_replay(spoken):
    [saying] = await spoken.engine.sayings(spoken.id)

    implement = next(each.n for each in await spoken.engine.attempts(spoken.id) if each.workflow == "implement")
    assert (saying.attempt, saying.turn) == (implement, 2)
    assert saying.told_at is not None
    asked = [str(messages) for messages in spoken.models.asked]
    # In the request that told it, and in the one after that.
    assert sum(repr(WORDS)[1:-1] in each for each in asked) == 2
    kinds = [(event.type, event.data.get("turn")) for event in await spoken.engine.events(spoken.id)]
    assert ("person_said", None) in kinds
    assert ("sayings_told", 2) in kinds

    # Its replay is told what was said then.
    found = await spoken.replay()

    assert found.first_difference is None, found.first_difference
    assert not [why for moment in found.moments for why in moment.unchecked]


async def test_what_is_said_before_an_attempt_stands_in_its_brief_and_a_replay_knows_it(converse, story):
    told = await converse(story())
    assert (await told.engine.advance(told.id)).step == "plan_gate"
    await told.engine.say(told.id, WORDS, by="ann")
    await told.engine.say(told.id, "And be kind.", by="ann")

    assert (await told.to_the_end()).status == "merged"

    first, second = await told.engine.sayings(told.id)
    implement = next(each.n for each in await told.engine.attempts(told.id) if each.workflow == "implement")
    assert [(each.attempt, each.turn) for each in (first, second)] == [(implement, None)] * 2
    briefs = [str(part.content) for messages in told.models.asked for part in messages[0].parts if hasattr(part, "content")]
    assert {brief.partition("\n")[0] for brief in briefs if WORDS in brief and "And be kind." in brief} == {"Workflow: implement"}
    assert (await told.replay()).first_difference is None


async def test_a_fork_has_what_its_attempts_were_told_and_replays_like_its_source(spoken):
    from engine.time_machine.orders import Fork
    from epics.errors import Conflict

    moments = await spoken.engine.moments(spoken.id)
    at = next(moment.n for moment in moments if moment.step == "implement")
    fork = await spoken.engine.fork(spoken.id, Fork(at=at, by="ann"))

    assert [(each.text, each.turn) for each in await spoken.engine.sayings(fork.id)] == [(WORDS, 2)]
    # The source has ended, and hears no more.
    with pytest.raises(Conflict, match="has ended: it is merged"):
        await spoken.engine.say(spoken.id, "Too late.", by="ann")
    spoken.id = fork.id
    assert (await spoken.replay()).first_difference is None


async def test_an_export_has_what_was_said_and_an_import_replays(spoken, tmp_path):
    from engine.time_machine.exporting import export_history
    from engine.time_machine.importing import import_history

    installation = spoken.engine._installation
    with (tmp_path / "epic.genie").open("wb") as target:
        await export_history(installation, spoken.id, target, secrets=())
    imported = await import_history(installation, tmp_path / "epic.genie")

    assert [(each.text, each.by, each.turn) for each in await spoken.engine.sayings(imported.epic)] == [(WORDS, "ann", 2)]
    spoken.id = imported.epic
    assert (await spoken.replay()).first_difference is None
