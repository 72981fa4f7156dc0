"""The terms that approvals open with: what the repository says on its base branch and what this installation says, the stricter of both."""

from __future__ import annotations

from typing import Any

from db.epics import Row, epic_facts
from db.judging import put_approval_terms
from db.leases import Lease
from engine.assembling import Installation, newest_base, policy_at
from engine.running import Running
from epics.approval_terms import DEFAULT_TERMS, Terms
from epics.errors import RepositoryUnusable
from epics.policy import RepositoryPolicy
from epics.state import EpicState
from epics.steps import GATES
from timemachine.workspace import open_workspace


def terms_by_gate(installation: Installation, policy: RepositoryPolicy, repo: str) -> dict[str, Any]:
    """The terms of each gate that are not those by default, as JSON."""
    server = installation.server_approvals
    found = {gate: server.terms(gate, repo, policy.approvals.get(gate, DEFAULT_TERMS)) for gate in sorted(GATES)}
    # That no rule counts has been seen to.
    told = {gate: _settled(terms).stored() for gate, terms in found.items()}
    return {str(gate): terms for gate, terms in told.items() if terms}


async def fix_terms(installation: Installation, running: Running, row: Row) -> None:
    """Keep the terms that gates open with from now on, under the lease; an approval that is open already keeps its own.

    A trigger copies them to an approval in the transaction that opens it, so that none is ever open without.
    """
    terms = terms_by_gate(installation, running.policy, running.facts.repo)
    if terms != (row["approval_terms"] or {}):
        await put_approval_terms(installation.database.pool, running.lease, terms)


async def terms_for(installation: Installation, row: Row, state: EpicState) -> dict[str, Any] | None:
    """The terms of today, where the time machine puts an epic at a gate, which asks before anybody drives it; else None."""
    if state.step not in GATES or state.ended is not None:
        return None
    workspace = await open_workspace(installation.home, row["repo"], installation.git_environment)
    policy = await policy_at(workspace.mirror, await newest_base(workspace.mirror, row))
    return terms_by_gate(installation, policy, row["repo"])


async def renew_terms(installation: Installation, running: Running) -> None:
    """Keep the terms of the base branch as it is by now, in the middle of a run."""
    row = await epic_facts(installation.database.pool, running.facts.id)
    mirror = running.workspace.mirror
    terms = terms_by_gate(installation, await policy_at(mirror, await newest_base(mirror, row)), running.facts.repo)
    if terms != (row["approval_terms"] or {}):
        await put_approval_terms(installation.database.pool, running.lease, terms)


async def keep_terms_before_gate(installation: Installation, lease: Lease, row: Row, state: EpicState) -> None:
    """Keep the terms of today, under the lease, before an epic is put at a gate; those of its last run, where its repository is away.

    Raises:
        InvalidSettings: if the base branch says what cannot be read.
    """
    try:
        terms = await terms_for(installation, row, state)
    except RepositoryUnusable:
        return
    if terms is not None and terms != (row["approval_terms"] or {}):
        await put_approval_terms(installation.database.pool, lease, terms)


def _settled(terms: Terms) -> Terms:
    return terms.model_copy(update={"no_auto": False})
