"""A bad network between Genie and its database: replies that are lost, connections that are cut, and a partition longer than a lease."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import pytest

from tests.fakes.judging import judge, judge_requests, route_of
from tests.fakes.machine import until
from tests.fakes.tcp_proxy import TcpProxy
from tests.faults.test_step_boundaries import ROUTE

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

LEASE_S = 2


@pytest.fixture
def proxy(database_url: str) -> Generator[TcpProxy]:
    """The way to the database, to be disturbed."""
    with TcpProxy(database_url) as made:
        yield made


@pytest.mark.faults
def test_deeds_whose_replies_are_lost_are_not_done_again_and_none_is_missing(scene: Scene, proxy: TcpProxy) -> None:
    """Fault 5: every 71st answer of the database is thrown away after the deed, and the connection closed."""
    there = scene.machine("there", GENIE_DATABASE_URL=proxy.url)
    process = scene.start(on=there)
    until(lambda: scene.ask("SELECT 1 FROM epics"), "the epic is there")
    proxy.lose_replies(lambda number: number % 71 == 0)

    ended, resumed = process.end(), 0
    while scene.status(scene.epic()) not in {"merged", "failed"} and resumed < 12:
        ended, resumed = there.run("epic", "resume", scene.epic()), resumed + 1

    assert proxy.lost >= 4
    assert scene.status(scene.epic()) == "merged", ended.said
    _once(scene)


@pytest.mark.faults
def test_connections_that_all_die_are_replaced_and_the_epic_goes_on(scene: Scene, proxy: TcpProxy) -> None:
    """Fault 29: every socket of the pool is dead at once, three times."""
    there = scene.machine("there", GENIE_DATABASE_URL=proxy.url)
    process = scene.start(on=there)
    for _ in range(3):
        scene.follow(process, 5)
        proxy.cut()

    ended = process.end()

    assert ended.code == 0, ended.said
    _once(scene)


@pytest.mark.faults
def test_a_worker_that_is_cut_off_for_two_leases_stops_and_writes_nothing_over_the_one_that_took_over(
    make_scene: Callable[..., Scene], database_url: str, proxy: TcpProxy
) -> None:
    """Fault 28: a partition of two leases, then healed with everything that had been sent."""
    scene = make_scene(database_url, pause_s=0.4)
    cut_off = scene.machine("cut-off", hostname=None, GENIE_DATABASE_URL=proxy.url, GENIE_LEASE_SECONDS=str(LEASE_S))
    process = scene.start(on=cut_off)
    scene.follow(process, 5)
    proxy.partition()

    until(lambda: scene.ask("SELECT 1 FROM leases WHERE expires_at < clock_timestamp()"), "its lease runs out")
    other = scene.begin("epic", "resume", scene.epic())
    until(lambda: scene.ask("SELECT 1 FROM leases WHERE epoch = 2"), "another takes over")
    scene.follow(other, 2)
    proxy.heal()

    assert process.end().code != 0
    ended = other.end()
    assert ended.code == 0, ended.said
    _once(scene)


@pytest.mark.faults
def test_a_worker_that_sleeps_past_its_lease_writes_nothing_when_it_wakes_and_its_agent_is_dead(
    make_scene: Callable[..., Scene], database_url: str
) -> None:
    """Fault 7: SIGSTOP of the owner in its agent's command, take-over by another host's rules, SIGCONT."""
    scene = make_scene(database_url, pause_s=0.3)
    sleeper = scene.machine("sleeper", GENIE_LEASE_SECONDS=str(LEASE_S))
    process = scene.start(on=sleeper)
    until(scene.effects.lines, "the tests of the repository run")
    process.send(signal.SIGSTOP)
    before = scene.ask("SELECT count(*) FROM turns")
    written = "SELECT count(*) FROM attempts WHERE epoch = 1"
    attempts = scene.ask(written)

    until(lambda: scene.ask("SELECT 1 FROM leases WHERE expires_at < clock_timestamp()"), "its lease runs out")
    other = scene.begin("epic", "resume", scene.epic())
    until(lambda: scene.ask("SELECT count(*) FROM turns") > before, "the other one works")
    process.send(signal.SIGCONT)

    woken = process.end(30)
    assert woken.code != 0
    assert "another worker has taken" in woken.said or "could not be renewed" in woken.said
    assert scene.ask(written) == attempts
    ended = other.end()
    assert ended.code == 0, ended.said
    _once(scene)


def _once(scene: Scene) -> None:
    epic = scene.epic()
    found = judge(scene.database_url, epic, scene.repo)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    assert route_of(scene.database_url, epic) == ROUTE
