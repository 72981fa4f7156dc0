"""The terms that approvals open with: what the repository says on its base branch and what this installation says, the stricter of both."""

from __future__ import annotations

from typing import Any

from db.epics import Row
from db.judging import put_approval_terms
from engine.assembling import Installation
from engine.running import Running
from epics.approval_terms import DEFAULT_TERMS, Terms
from epics.policy import RepositoryPolicy
from epics.steps import GATES


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


def _settled(terms: Terms) -> Terms:
    return terms.model_copy(update={"no_auto": False})
