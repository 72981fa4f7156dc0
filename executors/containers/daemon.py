"""The Docker daemon, asked in threads: its errors become ours here, and nothing above knows its library."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final, TypeVar

from epics.errors import Environment, NotFound

T = TypeVar("T")

TIMEOUT_S: Final = 30.0
_DEFAULT: Final = "unix:///var/run/docker.sock"
_AT_ONCE: Final = 16
_IMAGE_S: Final = 900.0


class DaemonLost(Environment):
    """The Docker daemon does not answer."""

    def __init__(self, message: str) -> None:
        """Bear the cause that an attempt's outcome names."""
        super().__init__(message, cause="daemon_lost")


class ContainerGone(NotFound):
    """There is no such container any more."""

    code = "container_not_found"


class ImageMissing(Environment):
    """There is no image of that name, or not one that this Genie can use."""

    def __init__(self, message: str) -> None:
        """Bear the cause that an attempt's outcome names."""
        super().__init__(message, cause="image_missing")


class Refused(Environment):
    """The daemon did not do what it was asked; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        """Keep the status."""
        super().__init__(message, cause="refused")
        self.status = status


class Daemon:
    """One daemon, connected to when it is first asked something."""

    def __init__(self, host: str | None = None) -> None:
        """Keep where it listens; None for what DOCKER_HOST says, or Docker's own default."""
        self._host = host
        self._client: Any = None
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="docker")

    @property
    def where(self) -> str:
        """Where it listens, for people."""
        return self._host or "its default address"

    async def ask(self, question: Callable[[Any], T]) -> T:
        """Ask something of docker's APIClient in a thread; a cancelled caller does not wait for the answer.

        Raises:
            DaemonLost: if it does not answer.
            ImageMissing: if it has no such image.
            ContainerGone: if it has no such container.
            Refused: if it says no for any other reason.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self.ask_now(question))

    async def ask_to_open(self, question: Callable[[Any], T], close: Callable[[T], object]) -> T:
        """The same, for what must be closed: where whoever asked is cancelled before the answer, it is closed when it comes.

        Raises:
            DaemonLost: if it does not answer.
            ContainerGone: if it has no such container.
            Refused: if it says no for any other reason.
        """
        asked = self._threads.submit(self.ask_now, question)
        try:
            return await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: None if done.cancelled() or done.exception() else close(done.result()))
            raise

    def ask_now(self, question: Callable[[Any], T]) -> T:
        """The same, in the thread of the caller.

        Raises:
            DaemonLost: if it does not answer.
            ImageMissing: if it has no such image.
            ContainerGone: if it has no such container.
            Refused: if it says no for any other reason.
        """
        from docker import errors  # noqa: PLC0415  # a sixth of a second to import

        try:
            self._see_socket()
            return question(self.client())
        except errors.ImageNotFound as error:
            raise ImageMissing(f"the Docker daemon has no such image: {_said(error)}") from error
        except errors.NotFound as error:
            raise ContainerGone(f"the Docker daemon has no such container: {_said(error)}") from error
        except errors.APIError as error:
            raise Refused(f"the Docker daemon refused: {_said(error)}", error.status_code or 0) from error
        # OSError: those of its HTTP library are such, too, and it lets them through.
        except (errors.DockerException, OSError) as error:
            raise DaemonLost(
                f"the Docker daemon at {self.where} does not answer ({str(error)[:150]}): start it, or set GENIE_DOCKER_HOST"
            ) from error

    def client(self) -> Any:
        """The docker library's own client, of whose errors the caller takes care."""
        if self._client is None:
            self._client = self._connected(TIMEOUT_S)
        return self._client

    def patient_client(self) -> Any:
        """A client for what takes minutes, such as making an image."""
        return self._connected(_IMAGE_S)

    def _connected(self, seconds: float) -> Any:
        import docker  # noqa: PLC0415  # as above

        return docker.APIClient(**{**self._address(), "version": "auto", "timeout": int(seconds), "max_pool_size": _AT_ONCE})

    def _address(self) -> dict[str, Any]:
        """Where it listens, and how it is to be trusted where that is over a network."""
        from docker.utils import kwargs_from_env  # noqa: PLC0415  # as above

        return {"base_url": self._host} if self._host is not None else dict(kwargs_from_env())

    def _see_socket(self) -> None:
        """Try the socket: the library leaves its own open where nobody listens."""
        scheme, _, path = str(self._address().get("base_url") or _DEFAULT).partition("://")
        if scheme == "unix":
            with closing(socket.socket(socket.AF_UNIX)) as trial:
                trial.settimeout(TIMEOUT_S)
                trial.connect(path if path.startswith("/") else f"/{path}")

    def close(self) -> None:
        """Let go of the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()
            self._client = None


def _said(error: Any) -> str:
    return " ".join(str(error.explanation or error).split())[:400]
