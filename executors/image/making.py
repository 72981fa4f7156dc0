"""Making the image that agents' containers are started from, with a registry or without one."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from epics.errors import Environment
from executors.image.packages import closure, installed_here
from executors.image.rootfs import CLI_INSIDE, GITCONFIG, GUEST, GUEST_INSIDE, HERE, USER, write_rootfs

CONTENT_LABEL: Final = "genie.content"
"""The hash of all that an image was made of."""
GUEST_LABEL: Final = "genie.guest"
"""The hash of the image's first process, which must be the one that this Genie speaks with."""

_CLI_PACKAGE: Final = "claude-agent-sdk"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image."""

    name: str
    id: str
    anew: bool
    """Whether it was made now: one with the same content was there already if not."""


def guest_hash() -> str:
    """The hash of the first process that this Genie's containers have."""
    return hashlib.sha256(GUEST.read_bytes() + GITCONFIG.read_bytes()).hexdigest()


def make_from_packages(client: Any, name: str, cli: Path) -> Made:
    """Make the image of this machine's own Debian packages and a CLI; no registry is asked.

    Args:
        client: docker's APIClient.
        name: what the image is called.
        cli: the file of the Claude Code CLI.

    Raises:
        Environment: if packages are missing here, or the daemon refuses the image.
    """
    installed = installed_here()
    packages = closure(installed)
    about = cli.resolve().stat()
    parts = (guest_hash(), *(f"{each} {installed.versions[each]}" for each in packages), f"{about.st_size} {about.st_mtime_ns}")
    content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if (there := _image_with(client, name, content)) is not None:
        return Made(name=name, id=there, anew=False)
    repository, _, tag = name.partition(":")
    changes = [
        f"LABEL {CONTENT_LABEL}={content}",
        f"LABEL {GUEST_LABEL}={guest_hash()}",
        "ENV PATH=/usr/local/bin:/usr/bin:/bin",
        "ENV LANG=C.UTF-8",
        f"USER {USER}:{USER}",
        "WORKDIR /workspace",
        f'ENTRYPOINT ["/usr/bin/python3", "-I", "{GUEST_INSIDE}"]',
        f'CMD ["{CLI_INSIDE}", "--version"]',
    ]
    # A moment of its own for each of both: the daemon reads while we write, and the whole is never in memory or on disk.
    return _streamed(
        lambda stream: client.import_image_from_stream(stream, repository=repository, tag=tag or "latest", changes=changes),
        lambda into: write_rootfs(into, packages, cli),
        lambda: Made(name=name, id=_image_with(client, name, content) or "", anew=True),
    )


def make_from_dockerfile(client: Any, name: str) -> Made:
    """Build the image from the Dockerfile beside this module, for daemons that reach a registry.

    Raises:
        Environment: if the build fails, with the last that it said.
    """
    from docker import errors  # noqa: PLC0415  # a sixth of a second to import

    try:
        wanted = version(_CLI_PACKAGE)
    except PackageNotFoundError:
        wanted = ""
    arguments = {"CLI": f"{_CLI_PACKAGE}=={wanted}" if wanted else _CLI_PACKAGE}
    labels = {GUEST_LABEL: guest_hash()}
    last = ""
    try:
        for said in client.build(path=str(HERE), tag=name, rm=True, decode=True, buildargs=arguments, labels=labels):
            last = str(said.get("error") or said.get("stream") or last).strip() or last
            if "error" in said:
                raise Environment(f"the image {name} could not be built: {last[:500]}")
        return Made(name=name, id=str(client.inspect_image(name)["Id"]), anew=True)
    except (errors.APIError, errors.BuildError) as error:
        raise Environment(f"the image {name} could not be built: {str(error)[:500]}") from error


def _image_with(client: Any, name: str, content: str) -> str | None:
    from docker import errors  # noqa: PLC0415  # a sixth of a second to import

    try:
        found: Mapping[str, Any] = client.inspect_image(name)
    except errors.ImageNotFound:
        return None
    labels = found["Config"].get("Labels") or {}
    return str(found["Id"]) if labels.get(CONTENT_LABEL) == content else None


def _streamed(read: Callable[[Any], object], write: Callable[[Any], None], done: Callable[[], Made]) -> Made:
    reading, writing = os.pipe()
    faults: list[Exception] = []

    def fill() -> None:
        try:
            with os.fdopen(writing, "wb", buffering=1 << 20) as into:
                write(into)
        except Exception as error:  # noqa: BLE001  # told by whoever waits for this thread
            faults.append(error)

    writer = threading.Thread(target=fill, name="image-files", daemon=True)
    writer.start()
    try:
        with os.fdopen(reading, "rb", buffering=1 << 20) as stream:
            answer = str(read(iter(lambda: stream.read(1 << 20), b"")))
    finally:
        writer.join()
    if faults:
        raise Environment(f"the image's files could not be read: {str(faults[0])[:300]}") from faults[0]
    made = done()
    if not made.id:
        raise Environment(f"the daemon did not take the image {made.name}: {answer[-300:]}")
    return made
