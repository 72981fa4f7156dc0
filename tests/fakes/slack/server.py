"""A stateful fake of Slack's Web API on a loopback port, with the trouble that it is told to make.

It runs in a thread, so that tests without a loop can use it, and its state outlives whoever it talks to.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.fakes.slack.methods import METHODS, Refused
from tests.fakes.slack.workspace import Call, Workspace

ResultT = TypeVar("ResultT")

_POSTS = {"chat.postMessage", "chat.postEphemeral"}


@dataclass(kw_only=True)
class Pause:
    """A call that stands still, before it was done or before it is answered."""

    method: str
    done: bool
    key: str
    dropped: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    may_go: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until the call stands still."""
        assert self.reached.wait(seconds), f"{self.method} was not called within {seconds} s"

    def let_go(self) -> None:
        """Let it go on."""
        self.may_go.set()

    def drop(self) -> None:
        """Let it come to nothing: it never arrived."""
        self.dropped = True
        self.may_go.set()


@dataclass(kw_only=True)
class _Trouble:
    """What goes wrong with the next calls that fit: so many of them."""

    kind: str
    times: int
    method: str | None
    value: Any = None


class FakeSlack:
    """The server; as a context it is up inside of the block."""

    def __init__(self) -> None:
        self.workspace = Workspace()
        self.port = 0
        self.one_a_second = False
        """Whether a channel takes one message in a second, and answers 429 to more."""
        self.delay_s = 0.0
        """How long each answer takes."""
        self._troubles: list[_Trouble] = []
        self._pauses: list[Pause] = []
        self._runner: web.AppRunner | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-slack", daemon=True)

    @property
    def api_url(self) -> str:
        """For GENIE_SLACK_API_URL."""
        return f"http://127.0.0.1:{self.port}/api/"

    def __enter__(self) -> Self:
        self._thread.start()
        self.come_back()
        return self

    def __exit__(self, *exc: object) -> None:
        for pause in self._pauses:
            pause.let_go()
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def submit(self, work: Coroutine[Any, Any, ResultT]) -> Future[ResultT]:
        """Do something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def routes(self) -> list[web.RouteDef]:
        """What is served; whoever adds to the fake adds here."""
        return [web.post("/api/{method}", self._answer), web.get("/api/{method}", self._answer)]

    # -- trouble -----------------------------------------------------------------------------------------------------------

    def die(self) -> None:
        """Refuse connections from now on; those that are open are closed."""
        if self._runner is not None:
            self.submit(self._runner.cleanup()).result(30)
            self._runner = None

    def come_back(self) -> None:
        """Listen again, on the same port."""
        if self._runner is None:
            self._runner = self.submit(self._serve()).result(30)

    def limit(self, times: int, *, retry_after: float = 1, method: str | None = None) -> None:
        """Answer 429 to so many of the next calls."""
        self._troubles.append(_Trouble(kind="limited", times=times, method=method, value=retry_after))

    def fail(self, error: str, times: int = 1, *, method: str | None = None) -> None:
        """Refuse so many of the next calls with an error of Slack's."""
        self._troubles.append(_Trouble(kind="refused", times=times, method=method, value=error))

    def be_unavailable(self, times: int, *, status: int = 503, method: str | None = None) -> None:
        """Answer so many of the next calls with a status and no JSON."""
        self._troubles.append(_Trouble(kind="status", times=times, method=method, value=status))

    def be_well(self) -> None:
        """Forget all troubles that are still to come."""
        self._troubles.clear()

    def lose_answer(self, method: str, times: int = 1) -> None:
        """Do what so many of the next calls ask, and close their connections without an answer."""
        self._troubles.append(_Trouble(kind="lost", times=times, method=method))

    def pause(self, method: str, *, done: bool, key: str = "") -> Pause:
        """Let the next call stand still: when it is `done` and not answered yet, or before that.

        With `key` only one whose metadata has a key that begins so.
        """
        pause = Pause(method=method, done=done, key=key)
        self._pauses.append(pause)
        return pause

    def cure(self) -> None:
        """Make no trouble any more."""
        self._troubles.clear()

    # -- the server --------------------------------------------------------------------------------------------------------

    async def _serve(self) -> web.AppRunner:
        app = web.Application()
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = {**request.query, **await _body(request)}
        call = Call(method=method, args={name: value for name, value in args.items() if name != "token"}, at=time.monotonic())
        self.workspace.calls.append(call)
        trouble = self._next_trouble(method)
        if trouble is not None and trouble.kind == "status":
            return web.Response(status=trouble.value, text="upstream connect error")
        if trouble is not None and trouble.kind == "limited":
            return _limited(call, trouble.value)
        pause = self._pause_of(call)
        if pause is not None and not pause.done:
            await _stand_still(pause)
            if pause.dropped:
                return web.Response(status=503)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if (wait_s := self._too_soon(call)) > 0:
            return _limited(call, wait_s)
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip() or str(args.get("token", ""))
        call.answer = self._do(call, token, trouble)
        if pause is not None and pause.done:
            await _stand_still(pause)
        if trouble is not None and trouble.kind == "lost":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # to nobody
        call.status = 200
        return web.json_response(call.answer)

    def _do(self, call: Call, token: str, trouble: _Trouble | None) -> dict[str, Any]:
        with self.workspace.lock:
            try:
                if trouble is not None and trouble.kind == "refused":
                    raise Refused(trouble.value)  # noqa: TRY301
                return {"ok": True, **self.method(call.method, call.args, token)}
            except Refused as refused:
                return refused.body

    def method(self, name: str, args: dict[str, Any], token: str) -> dict[str, Any]:
        """Do what a method does; whoever adds methods with another kind of token adds them here."""
        if token not in self.workspace.tokens:
            raise Refused("invalid_auth" if token else "not_authed")
        if name not in METHODS:
            raise Refused("unknown_method")
        return METHODS[name](self.workspace, args)

    def _next_trouble(self, method: str) -> _Trouble | None:
        for trouble in self._troubles:
            if trouble.times > 0 and trouble.method in {None, method}:
                trouble.times -= 1
                return trouble
        return None

    def _pause_of(self, call: Call) -> Pause | None:
        for pause in self._pauses:
            if pause.method == call.method and not pause.reached.is_set() and _key(call).startswith(pause.key):
                return pause
        return None

    def _too_soon(self, call: Call) -> float:
        channel = self.workspace.channels.get(str(call.args.get("channel", "")))
        if not self.one_a_second or call.method not in _POSTS or channel is None:
            return 0.0
        now = time.monotonic()
        if now - channel.posted_at < 1.0:
            return 1.0
        channel.posted_at = now
        return 0.0


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        given = await request.json()
        return given if isinstance(given, dict) else {}
    return dict(await request.post())


def _limited(call: Call, wait_s: float) -> web.Response:
    call.status, call.answer = 429, {"ok": False, "error": "ratelimited"}
    return web.json_response(call.answer, status=429, headers={"Retry-After": f"{wait_s:g}"})


async def _stand_still(pause: Pause) -> None:
    pause.reached.set()
    await asyncio.to_thread(pause.may_go.wait, 300)


def _key(call: Call) -> str:
    metadata = call.args.get("metadata")
    metadata = json.loads(metadata) if isinstance(metadata, str) and metadata else metadata
    return str(((metadata or {}).get("event_payload") or {}).get("key", ""))
