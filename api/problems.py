"""Problem answers (RFC 9457): what every error of the API looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from structlog.contextvars import get_contextvars

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2

_ANY_ROUTES: Final = frozenset({400, 401, 403, 422, 429, 500, 503})


class FieldFault(BaseModel):
    """What is wrong with one value of a request."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="Where it stands: body.labels.team, query.limit, path.n")
    message: str


class Problem(BaseModel):
    """What went wrong; `code` is for programs and never changes, `detail` is for people."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="about:blank: the code says which problem it is.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldFault, ...] | None = Field(default=None, description="Of an invalid_request: each value that is wrong.")
    approval: str | None = Field(default=None, description="Of already_decided: which approval.")
    decision: str | None = Field(default=None, description="Of already_decided: what was decided.")
    decided_by: str | None = Field(default=None, description="Of already_decided: by whom.")
    decided_at: str | None = Field(default=None, description="Of already_decided: when.")
    epic: str | None = Field(default=None, description="Of idempotency_key_reused: the epic or the run that the key started.")


def problem(
    status: int, code: str, detail: str, *, more: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as an answer.

    Args:
        status: the HTTP status.
        code: for programs.
        detail: one line for people.
        more: further members of `Problem`.
        headers: to be sent with it.
    """
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": get_contextvars().get("request_id", ""),
        **(more or {}),
    }
    # A lone surrogate in what somebody sent has no bytes: it is shown as a question mark.
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for its OpenAPI; those that any route can give are added to them."""
    shown = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"description": HTTPStatus(status).phrase, **shown} for status in sorted({*statuses, *_ANY_ROUTES})}
