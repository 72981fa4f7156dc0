"""What stops a run and may be over in a while: a person resumes an epic then, and a run has nobody."""

from __future__ import annotations

from db.epics import epic_facts
from engine.assembling import Installation
from engine.postponing import retries_so_far
from epics.access_errors import SecretUnreadable
from epics.errors import Environment, GenieError, GitFailed, RepositoryUnusable, Transient
from epics.runs import is_run
from timemachine.urls import is_url


async def waiting_may_cure(installation: Installation, work_id: str, error: GenieError) -> bool:
    """Whether a run is put off because of an error, rather than ended by it: so often in a row, and no more.

    A host of repositories that is away comes back, and what this machine lacks, be it the key to a sealed journal, another one may have.
    """
    if not is_run(work_id) or not isinstance(error, Environment | GitFailed | RepositoryUnusable | SecretUnreadable | Transient):
        return False
    if isinstance(error, RepositoryUnusable) and not is_url((await epic_facts(installation.database.pool, work_id))["repo"]):
        return False
    return await retries_so_far(installation.database, work_id) < installation.dispatch.retries
