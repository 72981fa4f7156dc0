"""Routes that take only what they know, and answer in a bounded time."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, ClassVar, Final, NoReturn

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.patience import within

JSON: Final = "application/json"
LARGEST_BODY: Final = 1_000_000
"""Bytes; the longest goal with all else that fits a request is a tenth of it."""

_TOO_LARGE: Final = f"the body has more than {LARGEST_BODY:,} bytes: put what is long in a file of the repository, and name it"


class StrictRequest(Request):
    """A request whose body has a limit, and whose JSON is that of the standard."""

    async def stream(self) -> AsyncGenerator[bytes]:
        """The body as it comes, up to the limit.

        Raises:
            HTTPException: 413 as soon as there is more.
        """
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > LARGEST_BODY:
                raise HTTPException(413, _TOO_LARGE)
            yield chunk

    async def json(self) -> Any:
        """The body; NaN, the infinities, numbers that nobody could mean and endless nesting are refused.

        Raises:
            JSONDecodeError: if it is not JSON.
        """
        body = await self.body()
        try:
            return json.loads(body, parse_constant=_no_constant)
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("it is not UTF-8", "", error.start) from error
        except RecursionError as error:
            raise json.JSONDecodeError("it is nested too deeply", "", 0) from error
        except ValueError as error:
            raise json.JSONDecodeError(str(error)[:200], "", 0) from error


class StrictRoute(APIRoute):
    """A route that refuses parameters that it does not know and bodies that are no JSON, and gives up after its time."""

    seconds: ClassVar[float] = 15.0

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the checks."""
        handle = super().get_route_handler()
        known = {field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, Query)}
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            _refuse_unknown_parameters(request, known)
            if takes_body:
                _refuse_other_bodies(request)
            return await within(self.seconds, handle(StrictRequest(request.scope, request.receive)))

        return strict


class PatientRoute(StrictRoute):
    """A route that has git look at a repository, which may have to be fetched first."""

    seconds: ClassVar[float] = 300.0


def _refuse_unknown_parameters(request: Request, known: set[str]) -> None:
    strange = sorted(set(request.query_params) - known)
    if strange:
        errors = [{"type": "extra_forbidden", "loc": ("query", name), "msg": "", "input": None} for name in strange]
        raise RequestValidationError(errors)


def _refuse_other_bodies(request: Request) -> None:
    headers = request.headers
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise HTTPException(413, _TOO_LARGE)
    has_body = length != "0" or "transfer-encoding" in headers
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and given != JSON:
        raise HTTPException(415, f"the body must be {JSON}, not {given or 'without a content type'!r}")


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is no number"
    raise ValueError(message)
