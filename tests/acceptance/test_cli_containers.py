"""`genie container` as a user types it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.docker_daemon import IMAGE, docker_host, image

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie


def test_without_a_daemon_it_says_so_and_what_to_do(genie: Genie, tmp_path: Path) -> None:
    ended = genie("container", "image", env={"GENIE_DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    assert ended.code == 1
    assert "does not answer" in ended.err
    assert "GENIE_DOCKER_HOST" in ended.err


def test_doctor_names_what_is_in_the_way_of_who_has_chosen_containers(genie: Genie, tmp_path: Path) -> None:
    settings = {"GENIE_DOCKER_HOST": f"unix://{tmp_path}/none.sock"}

    only_noted = genie("doctor", "--json", env=settings)
    in_the_way = genie("doctor", "--json", env={**settings, "GENIE_EXECUTOR": "claude_docker"})

    states = [{check["name"]: check["state"] for check in ended.json()["items"]}["containers"] for ended in (only_noted, in_the_way)]
    assert states == ["note", "failed"]


@pytest.mark.docker
def test_the_image_is_there_and_there_is_nothing_to_list_or_to_sweep(genie: Genie) -> None:
    settings = {"GENIE_DOCKER_HOST": docker_host(), "GENIE_AGENT_IMAGE": image()}

    made = genie("container", "image", "--json", env=settings)
    listed = genie("container", "list", "--json", env=settings)
    swept = genie("container", "sweep", "--json", env=settings)
    unknown = genie("container", "logs", "genie-nobody", env=settings)

    assert (made.json()["name"], made.json()["made"]) == (IMAGE, False)
    assert listed.json() == {"items": [], "next": None}
    assert swept.json() == {"removed": []}
    assert unknown.code == 4
    assert "genie container list" in unknown.err
