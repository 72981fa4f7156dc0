"""How errors meet HTTP: one table, nearest class first, and the handlers that make problems of everything."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.problems import RETRY_AFTER_S, problem
from epics.access_errors import Forbidden, TooManyRequests, Unauthenticated
from epics.errors import (
    AlreadyDecided,
    Conflict,
    Environment,
    GenieError,
    GitFailed,
    HistoryPruned,
    IdempotencyKeyReused,
    InvalidInput,
    NeedsPerson,
    NotFound,
    SchemaMismatch,
    Transient,
)

STATUS: Final[dict[type[BaseException], int]] = {
    InvalidInput: 400,
    HistoryPruned: 410,
    NotFound: 404,
    Conflict: 409,
    Unauthenticated: 401,
    Forbidden: 403,
    TooManyRequests: 429,
    NeedsPerson: 409,
    GitFailed: 502,
    Transient: 503,
    SchemaMismatch: 503,
    Environment: 503,
    BaseException: 500,
}

_CODES: Final = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


_MOST_FAULTS: Final = 100


def status_of(error: BaseException) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def handle_errors(app: FastAPI) -> None:
    """Let the app answer every error with a problem."""
    app.add_exception_handler(GenieError, _foreseen)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def unforeseen(error: Exception) -> Response:
    """The answer to what nobody foresaw; the log has the error, the client only its request's id."""
    log = structlog.get_logger()
    log.error("a request was stopped by an error that nobody foresaw", error=repr(error)[:500])
    log.debug("where it came from", exc_info=error)
    return problem(500, "internal_error", "something went wrong in Genie: its log has the rest, under this request_id")


async def _unforeseen(_request: Request, error: Exception) -> Response:
    return unforeseen(error)


async def _foreseen(_request: Request, error: Exception) -> Response:
    return foreseen(error)


def foreseen(error: Exception) -> Response:
    """The answer to an error of Genie's own."""
    status = status_of(error)
    code = error.code if isinstance(error, GenieError) else "internal_error"
    return problem(status, code, " ".join(str(error).split()), more=_facts(error), headers=_headers(error, status))


def _headers(error: Exception, status: int) -> dict[str, str]:
    match error:
        case TooManyRequests():
            return {"Retry-After": str(max(1, ceil(error.retry_after_s)))}
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _facts(error: Exception) -> dict[str, Any]:
    match error:
        case AlreadyDecided():
            return {
                "approval": error.approval_id,
                "decision": error.decision,
                "decided_by": error.decided_by,
                "decided_at": error.decided_at,
            }
        case IdempotencyKeyReused():
            return {"epic": error.epic_id}
        case _:
            return {}


async def _invalid(_request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(400, "malformed_request", f"the body is not JSON: {faults[0].get('ctx', {}).get('error', '')}".rstrip(": "))
    shown = [{"path": ".".join(str(part) for part in fault["loc"])[:200], "message": _sentence(fault)} for fault in faults[:_MOST_FAULTS]]
    detail = "; ".join(f"{fault['path']}: {fault['message']}" for fault in shown[:3])
    return problem(422, "invalid_request", detail, more={"errors": shown})


def _sentence(fault: dict[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "there is no such field: leave it out"
    return str(fault["msg"]).removeprefix("Value error, ")


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    detail = {
        404: f"there is no {request.url.path[:200]!r} here; /api/v1/openapi.json lists what there is",
        405: f"{request.url.path[:200]!r} does not take {request.method[:20]}",
    }.get(status, str(error.detail))
    return problem(status, _CODES.get(status, "http_error"), detail, headers=error.headers)
