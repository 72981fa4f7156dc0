"""Who may do what: every operation of the OpenAPI document, asked by every role, about its own repository and another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from api.app import ROOT, create_api
from api.metrics import Metrics
from api.permitted import Permits, operations_of
from api.serving import Serving
from config.settings import Settings
from engine.access.role_table import OPERATIONS
from epics.roles import EVERYWHERE, Grant, Role
from tests.fakes.documented import document, documented

if TYPE_CHECKING:
    import httpx2

    from tests.fakes.indoors import Household, Indoors

pytestmark = pytest.mark.postgres

LEAST = {
    "GET /whoami": "known",
    "GET /tools": "known",
    "GET /tools/{name}": "known",
    "GET /agents": "viewer",
    "GET /agents/{name}": "viewer",
    "GET /approvals": "viewer",
    "GET /approvals/{id}": "viewer",
    "GET /approvals/{id}/content": "viewer",
    "GET /epics": "viewer",
    "GET /epics/{id}": "viewer",
    "GET /epics/{id}/attempts": "viewer",
    "GET /epics/{id}/attempts/{n}/log": "viewer",
    "GET /epics/{id}/attempts/{n}/setup": "viewer",
    "GET /epics/{id}/compare": "viewer",
    "GET /epics/{id}/costs": "viewer",
    "GET /epics/{id}/diff": "viewer",
    "GET /epics/{id}/events": "viewer",
    "GET /epics/{id}/moments": "viewer",
    "GET /epics/{id}/moments/{n}": "viewer",
    "GET /epics/{id}/race": "viewer",
    "GET /epics/{id}/sayings": "viewer",
    "GET /asks": "viewer",
    "GET /asks/{id}": "viewer",
    "POST /ask": "operator",
    "POST /asks/{id}/choice": "operator",
    "POST /asks/{id}/cancel": "operator",
    "POST /agents/{name}/reset": "everywhere",
    "GET /runs": "viewer",
    "GET /runs/{id}": "viewer",
    "GET /runs/{id}/events": "viewer",
    "GET /runs/{id}/log": "viewer",
    "GET /knowledge/search": "viewer",
    "GET /knowledge/facts": "viewer",
    "GET /knowledge/facts/{id}": "viewer",
    "GET /knowledge/entities": "viewer",
    "GET /knowledge/stats": "viewer",
    "GET /knowledge/queue": "viewer",
    "POST /knowledge/episodes": "operator",
    "DELETE /knowledge/facts": "admin",
    "DELETE /knowledge/facts/{id}": "admin",
    "POST /knowledge/queue/retry": "admin",
    "POST /knowledge/rebuild": "admin",
    "GET /sessions": "viewer",
    "GET /sessions/{id}": "viewer",
    "GET /sessions/{id}/messages": "viewer",
    "POST /sessions": "operator",
    "POST /sessions/{id}/messages": "operator",
    "PUT /sessions/{id}/name": "operator",
    "POST /sessions/{id}/close": "operator",
    "POST /sessions/{id}/reopen": "operator",
    "DELETE /sessions/{id}": "operator",
    "GET /memories": "viewer",
    "PUT /memories": "known",
    "DELETE /memories": "known",
    "GET /prompts": "viewer",
    "GET /prompts/{name}/{key}/{n}": "viewer",
    "POST /prompts": "everywhere",
    "POST /prompts/{name}/{key}/{n}/activate": "everywhere",
    "GET /workers": "viewer",
    "POST /epics": "operator",
    "POST /epics/{id}/resume": "operator",
    "POST /epics/{id}/cancel": "operator",
    "POST /epics/{id}/say": "operator",
    "POST /epics/{id}/rollback": "operator",
    "POST /epics/{id}/undo": "operator",
    "POST /epics/{id}/fork": "operator",
    "POST /epics/{id}/pick": "operator",
    "PUT /epics/{id}/moments/{n}/name": "operator",
    "DELETE /epics/{id}/moments/{n}/name": "operator",
    "POST /agents/{name}/run": "operator",
    "POST /agents/{name}/run/async": "operator",
    "POST /runs/{id}/cancel": "operator",
    "POST /approvals/{id}/decision": "approver",
    "GET /audit": "everywhere",
    "GET /keys": "everywhere",
    "POST /keys": "everywhere",
    "GET /keys/{id}": "everywhere",
    "POST /keys/{id}/rotate": "everywhere",
    "POST /keys/{id}/revoke": "everywhere",
}
"""The least role, said a second time: a row of the table that is changed by mistake does not agree with it."""

SERVED = [f"{method.upper()} {path}" for path, method in documented()]
KEPT = [operation.replace(ROOT, "") for operation in SERVED if f" {ROOT}/" in operation]
RANKS = ["viewer", "operator", "approver", "admin", "everywhere"]
NOT_THERE = {"ask_not_found", "epic_not_found", "run_not_found", "approval_not_found", "session_not_found"}
REFUSED = {"unauthenticated", "forbidden", *NOT_THERE}


@pytest.fixture(scope="module")
def keys(indoors: Indoors, household: Household) -> dict[str, str]:
    """One of each role on the callers' own repository, and one of an admin of everything."""
    own = household.ids["own"]["repo"]
    roles = {role.value: Grant(role=role, repo=own) for role in Role} | {"everywhere": Grant(role=Role.ADMIN, repo=EVERYWHERE)}
    return {name: indoors.new_key(name, grant) for name, grant in roles.items()}


def asked(indoors: Indoors, operation: str, ids: dict[str, str], key: str | None) -> httpx2.Response:
    """Ask for an operation about these things; what would change something is asked with a mistake in it, which is found last of all."""
    method, path = operation.split()
    kind = path.split("/")[1]
    there = path.format(id=ids.get(kind, "k-0000000000"), n=1, key="default", name="search" if kind == "tools" else "pr")
    query = (
        {"with": ids["epics"]}
        if path.endswith("/compare")
        else {"repo": ids["repo"]}
        if names_a_repository(operation) and method != "POST"
        else {}
    )
    body: dict[str, Any] = {"json": {"repo": ids["repo"], "no such field": 1}} if method in {"POST", "PUT"} else {}
    return indoors.ask(method, there, key, params=query, **body)


def names_a_repository(operation: str) -> bool:
    """Whether its role must be held on a repository that the request names."""
    return (
        operation.startswith(("GET /agents", "POST /agents"))
        or operation in {"POST /ask", "POST /epics", "POST /sessions"}
        or " /knowledge/" in operation
    )


def rows(indoors: Indoors) -> list[tuple[int, ...]]:
    """What a deed would leave."""
    return indoors.rows("SELECT (SELECT count(*) FROM epics), (SELECT count(*) FROM events), (SELECT count(*) FROM keys)")


def expected(operation: str, role: str, whose: str) -> str:
    """What the answer must be: passed, forbidden or not there."""
    least = LEAST[operation]
    if least == "known" or role == "everywhere":
        return "passed"
    names_a_thing = operation.split()[1].startswith(("/asks/", "/epics/", "/runs/", "/sessions/", "/approvals/"))
    if whose == "other" and names_a_thing:
        return "not there"
    if whose == "other" and names_a_repository(operation):
        return "forbidden"
    return "passed" if RANKS.index(role) >= RANKS.index(least) else "forbidden"


def came_of(answer: httpx2.Response) -> str:
    """What the answer is."""
    code = answer.json().get("code", "") if answer.status_code >= 400 else ""
    if code not in REFUSED:
        assert answer.status_code not in {401, 403}, answer.text
        assert answer.status_code < 500, answer.text
        return "passed"
    return {"forbidden": "forbidden", "unauthenticated": "unknown"}.get(code, "not there")


@pytest.mark.parametrize("operation", KEPT)
def test_each_role_may_do_what_it_is_trusted_with_and_nothing_else(indoors, household, keys, operation):
    before = rows(indoors)

    cells = {(role, whose): asked(indoors, operation, household.ids[whose], keys[role]) for role in RANKS for whose in ("own", "other")}
    unknown = [asked(indoors, operation, household.ids["own"], key) for key in (None, "gk_00000000_" + "0" * 43)]

    assert {cell: came_of(answer) for cell, answer in cells.items()} == {
        (role, whose): expected(operation, role, whose) for role, whose in cells
    }
    assert [came_of(answer) for answer in unknown] == ["unknown", "unknown"]
    assert rows(indoors) == before


def test_the_document_and_the_table_name_the_same_operations():
    assert set(LEAST) == set(KEPT)
    app = create_api(Serving(settings=Settings.model_validate({}), hosts=frozenset()), Metrics())
    assert set(OPERATIONS) == {operation for operation, _, _ in operations_of(app)} >= set(SERVED)


def test_an_operation_without_a_row_keeps_the_server_from_starting():
    table = {operation: row for operation, row in OPERATIONS.items() if operation != "POST /api/v1/epics"}
    app = create_api(Serving(settings=Settings.model_validate({}), hosts=frozenset()), Metrics())

    with pytest.raises(LookupError, match=r"POST /api/v1/epics has no row"):
        Permits().bind(app, table)


def test_the_document_says_which_operations_need_a_key_and_how_it_is_sent():
    written = document()
    free = {path for path, methods in written["paths"].items() for operation in methods.values() if operation.get("security") == []}

    assert free == {path for path in written["paths"] if not path.startswith(ROOT)}
    assert written["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path in set(written["paths"]) - free:
        for operation in written["paths"][path].values():
            assert {"401", "403", "429"} <= operation["responses"].keys(), (path, operation["operationId"])
