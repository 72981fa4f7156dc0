"""The OpenAPI document and the operations in it, without a server.

To write the document takes longer than to import what serves it; to name the operations takes nothing, so tests are collected by these.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.routing import iter_route_contexts

from api.app import create_api
from api.metrics import Metrics
from api.serving import Serving
from config.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def documented() -> list[tuple[str, str]]:
    """Path and method of each operation that the document tells of."""
    contexts = [context for context in iter_route_contexts(_api().routes) if getattr(context.route, "include_in_schema", False)]
    return [(str(context.path), method.lower()) for context in contexts for method in sorted(context.methods or ())]


@cache
def document() -> dict[str, Any]:
    """The document."""
    return _api().openapi()


@cache
def _api() -> FastAPI:
    return create_api(Serving(settings=Settings.model_validate({}), hosts=frozenset()), Metrics())
