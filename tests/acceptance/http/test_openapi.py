"""The OpenAPI document is true: whatever is sent, the answer is one that it declares, and never a 500."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from api.run_schemas import LONGEST_WAIT_S
from tests.fakes.documented import document, documented
from tests.fakes.servers import DEADLINE_S, Server
from tests.fakes.story import make_repository

OPERATIONS = documented()
NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@cache
def schema() -> Any:
    return schemathesis.openapi.from_dict(document())


def hold_to_the_document(server: Server, ids: dict[str, str], path: str, method: str, examples: int) -> None:
    cases = st.one_of(*(schema()[path][method].as_strategy(generation_mode=mode) for mode in GenerationMode))
    # They are registered as the schema is read.
    true: list[Any] = [CHECKS.get_one(name) for name in NAMES]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 50,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @given(case=cases, known=st.booleans())
    def ask(case: Case, *, known: bool) -> None:
        aim(case, ids, known=known)
        answer = case.call(base_url=server.url, headers={"Accept": "application/json", **server.key.headers}, timeout=DEADLINE_S)
        case.validate_response(answer, checks=true)

    ask()


def aim(case: Case, ids: dict[str, str], *, known: bool) -> None:
    """Ask about what exists, as often as about what does not; and let no made-up repository be looked for on the network."""
    kind = next((word for word in ("approvals", "epics", "runs") if f"/{word}/" in case.path), None)
    if known and kind is not None:
        case.path_parameters["id"] = ids[kind]
    elif known and "/agents/" in case.path:
        case.path_parameters["name"] = "pr"
    body: Any = case.body
    if isinstance(body, dict) and isinstance(body.get("wait_s"), int | float) and 0 <= body["wait_s"] <= LONGEST_WAIT_S:
        body["wait_s"] = 0
    elif isinstance(body, dict) and case.path.endswith("/run"):
        # Nobody works here, so the default would be waited for.
        body.setdefault("wait_s", 0)
    if isinstance(body, dict) and isinstance(body.get("repo"), str) and (known or {":", "@"} & set(body["repo"])):
        body["repo"] = ids["repo"]


@pytest.fixture(scope="module")
def ids(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Things that exist."""
    repo = str(make_repository(tmp_path_factory.mktemp("openapi") / "repo"))
    with server.client() as client:
        epic = client.post("/epics", json={"goal": "Greet people", "repo": repo, "executor": "scripted"}).json()["id"]
        run = client.post("/agents/pr/run/async", json={"repo": repo, "executor": "scripted"}).json()["id"]
    approval = f"a-{epic.removeprefix('e-')}"
    server.rows(
        "INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary) "
        "VALUES (%s, %s, 'plan_gate', 1, 'x', 'Shall it?', '[\"approve\", \"changes\", \"reject\"]', 'A plan.')",
        *(approval, epic),
    )
    return {"epics": epic, "runs": run, "approvals": approval, "repo": repo}


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_the_answers_are_those_of_the_document(server, ids, path, method):
    hold_to_the_document(server, ids, path, method, 5)


@pytest.mark.faults
@pytest.mark.parametrize("path, method", OPERATIONS)
def test_the_answers_are_those_of_the_document_however_long_one_asks(server, ids, path, method):
    hold_to_the_document(server, ids, path, method, 300)


def test_the_server_hands_out_the_document_that_it_was_held_to(client):
    assert client.get("/openapi.json").json() == document()


def test_every_operation_of_the_document_is_asked():
    assert set(OPERATIONS) == {(path, method) for path, methods in document()["paths"].items() for method in methods}
