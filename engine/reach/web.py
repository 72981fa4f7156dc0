"""The web as far as an agent's tools may reach it: hosts that its workflow names, at addresses of the public internet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from pydantic import SecretStr

from agents.workflow import Network
from engine.reach.getting import Getter, Got, Refused
from safety.hosts import is_listed
from tools.context import Hit, Page
from tools.workspace import ToolProblem

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_TEXTS: Final = ("text/", "application/json", "application/xml", "application/xhtml+xml", "application/javascript", "application/toml")
_OK: Final = 200


@dataclass(frozen=True, kw_only=True)
class SearchEngine:
    """Where searches are sent: what speaks as SearXNG or Brave do, in JSON."""

    url: str
    key: SecretStr | None = None


@dataclass(frozen=True, kw_only=True)
class ReachableWeb:
    """Implements `tools.context.ReachesWeb` for one workflow."""

    network: Network | None
    """What the workflow may reach; None for every public host."""
    engine: SearchEngine | None = None
    getter: Getter = field(default_factory=Getter)

    async def fetch(self, url: str) -> Page:
        """Get a page; each redirect must lead to where the workflow may go."""
        self._check_mode()
        at = _url(url)
        for _ in range(_MOST_REDIRECTS + 1):
            self._check_host(at)
            got = await _asked(self.getter, at)
            where = got.headers.get("location")
            if got.status not in _REDIRECTS or not where:
                return _page(at, got)
            at = _url(str(at.join(where)))
        raise ToolProblem(f"{url} leads from one address to the next without an end")

    async def search(self, text: str, limit: int) -> tuple[Hit, ...]:
        """Ask the configured search engine."""
        self._check_mode()
        if self.engine is None:
            raise ToolProblem("no search engine is configured here (GENIE_SEARCH_URL): fetch a page that you know of, or go on without")
        key = self.engine.key.get_secret_value() if self.engine.key else ""
        headers = {"accept": "application/json", **({"authorization": f"Bearer {key}", "x-subscription-token": key} if key else {})}
        at = httpx2.URL(self.engine.url).copy_merge_params({"q": text, "format": "json", "count": str(limit)})
        # The operator named it, so it may be in the operator's own network.
        got = await _asked(self.getter, at, headers=headers, allow_private=True)
        if got.status != _OK:
            raise ToolProblem(f"the search engine answered {got.status}")
        return _hits(got)[:limit]

    def _check_mode(self) -> None:
        if self.network is not None and self.network.mode == "none":
            raise ToolProblem('this workflow may reach nothing outside ([network] mode = "none"): go on without the web')

    def _check_host(self, at: httpx2.URL) -> None:
        # As it is asked for: hosts are listed in ASCII.
        host = at.raw_host.decode("ascii")
        if self.network is not None and not is_listed(host, self.network.hosts):
            raise ToolProblem(f"{host} is not among the hosts that this workflow may reach: {', '.join(self.network.hosts)}")


async def _asked(getter: Getter, at: httpx2.URL, *, headers: Mapping[str, str] | None = None, allow_private: bool = False) -> Got:
    try:
        return await getter.get(at, headers=headers or {}, allow_private=allow_private)
    except Refused as refused:
        raise ToolProblem(str(refused)) from refused


def _url(text: str) -> httpx2.URL:
    with suppress(httpx2.InvalidURL, ValueError, UnicodeError):
        url = httpx2.URL(text)
        if url.scheme in {"http", "https"} and url.host and not url.userinfo and url.port != 0:
            return url
    raise ToolProblem(f"{text[:100]!r} is no URL of the web: give one such as https://example.org/page, without a user")


def _page(at: httpx2.URL, got: Got) -> Page:
    kind = got.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if not kind.startswith(_TEXTS) and not kind.endswith(("+json", "+xml")):
        raise ToolProblem(f"{at} is {kind or 'of no kind'}, which is no text")
    return Page(url=str(at), status=got.status, kind=kind, text=got.text, is_cut=got.is_cut)


def _hits(got: Got) -> tuple[Hit, ...]:
    try:
        answer = json.loads(got.text)
        found = answer["results"] if "results" in answer else answer["web"]["results"]
        return tuple(_hit(each) for each in _list(found))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ToolProblem("the search engine answered in a form that is not known here: JSON as SearXNG or Brave give it") from error


def _list(found: Any) -> Sequence[Mapping[str, Any]]:
    return found if isinstance(found, list) else []


def _hit(each: Mapping[str, Any]) -> Hit:
    excerpt = each.get("content") or each.get("description") or ""
    return Hit(title=str(each.get("title") or each["url"])[:300], url=str(each["url"])[:2_000], excerpt=str(excerpt)[:2_000])
