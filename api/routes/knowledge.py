"""Knowledge: what past work on a repository taught."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi import Query as Asked
from pydantic import AwareDatetime

from api.addresses import project_in
from api.deps import EngineDep, Limit
from api.knowledge_schemas import EpisodeCreate, OfRepository
from api.problems import problems
from api.schemas import Text
from api.strictness import PatientRoute
from engine.knowledge.telling import episode_of_person
from engine.knowledge.views import EpisodeTaken, Forgotten, KnowledgeStats, QueuedEpisode, Rebuilt, Retried
from engine.views import Page
from epics.knowledge import ALL_GROUPS, Entity, Fact, Found, Group
from memory.port import Forgetting, Listing, Query

router = APIRouter(prefix="/knowledge", tags=["knowledge"], route_class=PatientRoute)

Repo = Annotated[
    Text, Asked(min_length=1, max_length=4_096, description="The repository, as its epics name it; person:NAME for what is a person's own.")
]
Groups = Annotated[list[Group] | None, Asked(max_length=len(ALL_GROUPS), description="Only of these groups; may be given several times.")]
AsOf = Annotated[AwareDatetime | None, Asked(description="Only what held at this time.")]
FactId = Annotated[str, Path(max_length=200, description="The id of a fact.")]
Name = Annotated[Text | None, Asked(min_length=1, max_length=200, description="The name of an entity.")]


@router.get("/search", response_model=Page[Found], responses=problems(404))
async def search_knowledge(
    engine: EngineDep,
    repo: Repo,
    q: Annotated[Text, Asked(min_length=1, max_length=8_000, description="Words, a sentence or a question.")],
    group: Groups = None,
    as_of: AsOf = None,
    around: Name = None,
    limit: Annotated[int, Asked(ge=1, le=100)] = 10,
) -> Page[Found]:
    """Search what is known of a repository: the best first, each with the ways in which it was found."""
    query = Query(project=project_in(repo), text=q, groups=_groups(group), as_of=as_of, around=around, limit=limit)
    return Page[Found](items=await engine.knowledge.search(query))


@router.get("/facts", response_model=Page[Fact], responses=problems(404))
async def list_facts(
    engine: EngineDep,
    repo: Repo,
    group: Groups = None,
    about: Name = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Asked(max_length=200, description="What `next` of an earlier page said.")] = None,
) -> Page[Fact]:
    """List what is known of a repository, the newest first."""
    listing = Listing(project=project_in(repo), groups=_groups(group), about=about, as_of=as_of, limit=limit, before=cursor)
    facts = await engine.knowledge.facts(listing)
    return Page[Fact](items=facts, next=facts[-1].id if len(facts) == limit else None)


@router.get("/facts/{id}", response_model=Fact, responses=problems(404))
async def show_fact(id: FactId, engine: EngineDep, repo: Repo) -> Fact:  # noqa: A002  # the name in the path
    """Show one fact."""
    return await engine.knowledge.fact(project_in(repo), id)


@router.delete("/facts/{id}", response_model=Forgotten, responses=problems(404))
async def forget_fact(id: FactId, engine: EngineDep, repo: Repo) -> Forgotten:  # noqa: A002
    """Forget one fact for good."""
    return await engine.knowledge.forget(Forgetting(project=project_in(repo), fact=id))


@router.delete("/facts", response_model=Forgotten, responses=problems(404))
async def forget_facts(
    engine: EngineDep, repo: Repo, group: Groups = None, episode: Annotated[Text | None, Asked(min_length=1, max_length=300)] = None
) -> Forgotten:
    """Forget an episode, or all of some groups, for good."""
    return await engine.knowledge.forget(Forgetting(project=project_in(repo), groups=_groups(group), episode=episode))


@router.get("/entities", response_model=Page[Entity], responses=problems(404))
async def list_entities(engine: EngineDep, repo: Repo, group: Groups = None, limit: Limit = 50) -> Page[Entity]:
    """List what facts are about, that which most of them name first."""
    return Page[Entity](items=await engine.knowledge.entities(project_in(repo), groups=_groups(group), limit=limit))


@router.get("/stats", response_model=KnowledgeStats, responses=problems(404))
async def knowledge_stats(engine: EngineDep, repo: Annotated[Text | None, Asked(min_length=1, max_length=4_096)] = None) -> KnowledgeStats:
    """Tell how much is known of a repository, or of all, and how much waits to be."""
    return await engine.knowledge.stats(repo and project_in(repo))


@router.get("/queue", response_model=Page[QueuedEpisode], responses=problems(404))
async def list_queued_episodes(
    engine: EngineDep, repo: Annotated[Text | None, Asked(min_length=1, max_length=4_096)] = None, *, dead: bool = False, limit: Limit = 50
) -> Page[QueuedEpisode]:
    """List what was told and is not stored yet, the oldest first."""
    return Page[QueuedEpisode](items=await engine.knowledge.queue(repo and project_in(repo), dead=dead, limit=limit))


@router.post("/queue/retry", response_model=Retried, responses=problems(404, 413, 415))
async def retry_episodes(body: OfRepository, engine: EngineDep) -> Retried:
    """Have tried now what was put off or given up."""
    return Retried(queued=await engine.knowledge.retry(body.repo and project_in(body.repo)))


@router.post("/episodes", status_code=202, response_model=EpisodeTaken, responses=problems(404, 413, 415))
async def add_episode(body: EpisodeCreate, engine: EngineDep) -> EpisodeTaken:
    """Tell something worth knowing; a worker stores it."""
    episode = episode_of_person(
        project_in(body.repo), body.group, body.title, body.text, facts=body.facts, key=body.key, happened_at=body.happened_at
    )
    return EpisodeTaken(key=episode.key, is_new=await engine.knowledge.add(episode))


@router.post("/rebuild", status_code=202, response_model=Rebuilt, responses=problems(404, 413, 415))
async def rebuild_knowledge(body: OfRepository, engine: EngineDep) -> Rebuilt:
    """Throw the store's content away and store all that was ever told again, but for what is forgotten; workers do it."""
    return await engine.knowledge.rebuild(body.repo and project_in(body.repo))


def _groups(given: list[Group] | None) -> tuple[Group, ...]:
    return tuple(given) if given else ALL_GROUPS
