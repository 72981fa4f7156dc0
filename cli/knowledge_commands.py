"""Knowledge searched, listed, told, forgotten and rebuilt by a person."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cli.errors import ExitCode
from cli.inputs import repository_at
from cli.output import Output
from cli.render_knowledge import entities_table, fact_parts, facts_table, found_parts, queue_table, stats_parts
from cli.service import Service
from cli.words import many
from engine.knowledge.telling import episode_of_person
from engine.knowledge.views import Forgotten, QueuedEpisode
from engine.views import Page
from epics.errors import InvalidInput
from epics.knowledge import ALL_GROUPS, Entity, Fact, Found, Group
from memory.port import Forgetting, Listing, Query

_SETTLES_IN_S: Final = 120.0
_STORED_IN_S: Final = 5.0


def query(repo: str, text: str, *, groups: Sequence[str] | None, as_of: str | None, around: str | None, limit: int) -> Query:
    """What is searched for; see `group_named` and `time_in` for what is refused."""
    return Query(project=repository_at(repo), text=text, groups=groups_in(groups), as_of=time_in(as_of), around=around, limit=limit)


def listing(repo: str, *, groups: Sequence[str] | None, as_of: str | None, about: str | None, limit: int, cursor: str | None) -> Listing:
    """What is listed, as `query`."""
    return Listing(project=repository_at(repo), groups=groups_in(groups), as_of=time_in(as_of), about=about, limit=limit, before=cursor)


def forgetting(repo: str, *, fact: str | None, episode: str | None, groups: Sequence[str] | None) -> Forgetting:
    """What is forgotten.

    Raises:
        InvalidInput: if nothing is named.
    """
    if fact is None and episode is None and not groups:
        raise InvalidInput("say what is to be forgotten: the id of a FACT, --episode KEY, or --group GROUP")
    return Forgetting(project=repository_at(repo), fact=fact, episode=episode, groups=groups_in(groups))


async def search(service: Service, output: Output, asked: Query) -> int:
    """Show what was found, best first."""
    found = await service.knowledge.search(asked)
    output.answer(record=Page[Found](items=found), parts=found_parts(found))
    return ExitCode.DONE


async def list_facts(service: Service, output: Output, asked: Listing) -> int:
    """List facts."""
    facts = await service.knowledge.facts(asked)
    following = facts[-1].id if len(facts) == asked.limit else None
    output.answer(record=Page[Fact](items=facts, next=following), parts=facts_table(facts))
    if following is not None and not output.as_json:
        output.note(f"there may be more: --cursor {following}")
    return ExitCode.DONE


async def show(service: Service, output: Output, repo: str, fact: str) -> int:
    """Show one fact."""
    found = await service.knowledge.fact(repository_at(repo), fact)
    output.answer(record=found, parts=fact_parts(found))
    return ExitCode.DONE


async def entities(service: Service, output: Output, repo: str, *, groups: Sequence[str] | None, limit: int) -> int:
    """List entities."""
    found = await service.knowledge.entities(repository_at(repo), groups=groups_in(groups), limit=limit)
    output.answer(record=Page[Entity](items=found), parts=entities_table(found))
    return ExitCode.DONE


async def stats(service: Service, output: Output, repo: str | None) -> int:
    """Tell how much is known."""
    found = await service.knowledge.stats(repo and repository_at(repo))
    output.answer(record=found, parts=stats_parts(found))
    return ExitCode.DONE


async def queue(service: Service, output: Output, repo: str | None, *, dead: bool, retry: bool, limit: int) -> int:
    """List what waits, and have it tried now if that was asked for."""
    project = repo and repository_at(repo)
    if retry:
        output.say(f"{many(await service.knowledge.retry(project), 'episode')} will be tried now")
        await service.knowledge.settle(_STORED_IN_S, project)
    found = await service.knowledge.queue(project, dead=dead, limit=limit)
    output.answer(record=Page[QueuedEpisode](items=found), parts=queue_table(found))
    return ExitCode.DONE


async def add(service: Service, output: Output, repo: str, text: str, *, title: str, group: str) -> int:
    """Tell something, and store it at once where that is possible."""
    said = sys.stdin.read() if text == "-" else text
    if not said.strip():
        raise InvalidInput("there is no text: give it in quotation marks, or - to have it read from stdin")
    episode = episode_of_person(repository_at(repo), group_named(group), title, said)
    if await service.knowledge.add(episode):
        await service.knowledge.settle(_STORED_IN_S, episode.project)
        output.say(f"told as {episode.key}", style="green")
    else:
        output.say(f"this was told before, as {episode.key}")
    if output.as_json:
        output.json(episode)
    return ExitCode.DONE


async def forget(service: Service, output: Output, asked: Forgetting, *, yes: bool) -> int:
    """Forget, once the person is sure."""
    _make_sure(output, f"This forgets {_named(asked)} of {asked.project} for good.", yes=yes)
    gone = await service.knowledge.forget(asked)
    output.say(f"{many(gone.facts, 'fact')} forgotten; {many(gone.episodes, 'episode')} will not be stored again")
    if output.as_json:
        output.json(Forgotten(facts=gone.facts, episodes=gone.episodes))
    return ExitCode.DONE


async def rebuild(service: Service, output: Output, repo: str | None, *, yes: bool) -> int:
    """Rebuild the store, here as far as that goes quickly."""
    project = repo and repository_at(repo)
    where = project or "all repositories"
    _make_sure(output, f"This throws away what the store knows of {where}, and stores all that was told again.", yes=yes)
    begun = await service.knowledge.rebuild(project)
    await service.knowledge.settle(_SETTLES_IN_S, project)
    after = await service.knowledge.stats(project)
    before = begun.before
    output.say(f"before: {many(before.episodes, 'episode')}, {many(before.facts, 'fact')}, {before.entities:,} entities")
    output.say(f"now: {many(after.known.episodes, 'episode')}, {many(after.known.facts, 'fact')}, {after.known.entities:,} entities")
    if waiting := after.episodes.get("queued", 0):
        output.say(f"{many(waiting, 'episode')} still to be stored by workers: see `genie memory queue`")
    if output.as_json:
        output.json(after)
    return ExitCode.DONE


def groups_in(names: Sequence[str] | None) -> tuple[Group, ...]:
    """The groups of these names; all if none is given."""
    return tuple(dict.fromkeys(group_named(name) for name in names)) if names else ALL_GROUPS


def group_named(name: str) -> Group:
    """The group of a name, with or without what all of them begin with.

    Raises:
        InvalidInput: if there is none.
    """
    names = {group.value: group for group in Group} | {group.value.removeprefix("genie_"): group for group in Group}
    if name not in names:
        raise InvalidInput(f"there is no group {name!r}: it is one of {', '.join(group.value.removeprefix('genie_') for group in Group)}")
    return names[name]


def time_in(text: str | None) -> datetime | None:
    """A date, or a date with a time, which is UTC where it says no zone.

    Raises:
        InvalidInput: if it is none.
    """
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"--as-of takes a date such as 2026-03-31, or a time such as 2026-03-31T14:00+02:00; it was {text!r}") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _named(asked: Forgetting) -> str:
    return asked.fact or (f"the episode {asked.episode}" if asked.episode else f"all of {', '.join(asked.groups)}")


def _make_sure(output: Output, what: str, *, yes: bool) -> None:
    if yes:
        return
    if not output.can_ask:
        raise InvalidInput(f"{what} Say --yes if that is meant")
    output.note(f"{what} Type yes to go on: ")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InvalidInput("nothing was done")
