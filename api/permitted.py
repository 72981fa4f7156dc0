"""The check before every route: what the role table says of the operation, held against who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from api.serving import Serving
from engine.access.role_table import OPERATIONS, Needed, Of, Row
from epics.errors import InvalidInput

Endpoint = Callable[..., Any]

_DOCUMENT: Final = "/openapi.json"
"""What can be asked at all is told to whoever is known."""

_LONGEST_REPO: Final = 4_096


class Permits:
    """The rows of the role table by what the app serves."""

    def __init__(self) -> None:
        """Begin with none: nothing is served before `bind`."""
        self._rows: dict[tuple[Endpoint, str], Row] = {}

    def bind(self, app: FastAPI, table: Mapping[str, Row] = OPERATIONS) -> None:
        """Find the row of each operation of an app.

        Raises:
            LookupError: naming an operation without a row, or a function that is two operations.
        """
        for operation, endpoint, method in operations_of(app):
            if operation not in table:
                message = f"{operation} has no row in engine/access/role_table.py: say which deed it is, before it is served"
                raise LookupError(message)
            if (endpoint, method) in self._rows:
                message = f"{operation} is served by a function that serves another operation too: give each its own"
                raise LookupError(message)
            self._rows[endpoint, method] = table[operation]

    async def __call__(self, request: Request) -> None:
        """See that the caller may do what it asks for.

        Raises:
            InvalidInput: if what it names can be no name.
            NotFound: if what it names is not there, or not for it.
            Forbidden: if it is, and this needs another role.
        """
        row = self._rows[request.scope["endpoint"], request.method]
        if isinstance(row, Needed):
            serving: Serving = request.app.state.serving
            await serving.engine.guarding.permit(row, await _named(request, row.of))


def operations_of(app: FastAPI) -> list[tuple[str, Endpoint, str]]:
    """What an app serves: each operation by its method and path, and the function behind it."""
    found = []
    for context in iter_route_contexts(app.routes):
        path, endpoint = context.path, context.endpoint
        if endpoint is None or path is None:
            message = f"{context.route!r} is not served by one function at one path, so no row of the role table can be about it"
            raise LookupError(message)
        if not path.endswith(_DOCUMENT):
            found += [(f"{method} {path}", endpoint, method) for method in sorted(context.methods or ())]
    return found


async def _named(request: Request, of: Of) -> str | None:
    if of is Of.NOTHING:
        return None
    if of is not Of.REPO:
        return str(request.path_params["id"])
    repo = request.query_params.get("repo") if request.method in {"GET", "DELETE"} else await _repo_in_body(request)
    if repo is not None and len(repo) > _LONGEST_REPO:
        # Not only by the route: held against the patterns of all roles, a name as long as a body keeps everyone waiting.
        message = f"the name of a repository has {_LONGEST_REPO:,} characters at most, not {len(repo):,}"
        raise InvalidInput(message)
    return repo


async def _repo_in_body(request: Request) -> str | None:
    body = await request.json() if await request.body() else None
    repo = body.get("repo") if isinstance(body, dict) else None
    # What is no text is refused by the route; until then it names nothing.
    return repo if isinstance(repo, str) else None
