"""What docker-compose.yml, the Dockerfile and their neighbours promise; the tool itself reads the first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name not in {"postgres", "neo4j"}}
LASTING = {name: service for name, service in OURS.items() if name != "migrate"}
APIS = {name: service for name, service in OURS.items() if service["command"][0] == "serve"}
WORKERS = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: Set by .ci/run, where a test that did not run must not pass for one that did.
NO_SKIP = "GENIE_TEST_NO_SKIP"


def compose() -> list[str]:
    """The command that reads the file: Docker's plugin, or the program of its own that Debian has."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    said = "docker compose is not installed, so nothing read docker-compose.yml: run .ci/setup, or install docker-compose"
    if os.environ.get(NO_SKIP):
        pytest.fail(said)
    pytest.skip(said)


def read_by_compose(folder: Path, env_file: str) -> subprocess.CompletedProcess[str]:
    """Let the tool read the file as it lies in a checkout, beside this `.env`."""
    command = compose()
    shutil.copy(ROOT / "docker-compose.yml", folder)
    (folder / ".env").write_text(env_file)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run([*command, "config"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def test_a_graph_database_is_started_only_for_who_asks_for_it():
    assert SERVICES["neo4j"]["profiles"] == ["graphiti"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["neo4j"]["ports"])


def test_docker_compose_accepts_the_file_with_the_example_of_settings_filled_in(tmp_path):
    done = read_by_compose(tmp_path, EXAMPLE.replace("POSTGRES_PASSWORD=", "POSTGRES_PASSWORD=secret123"))

    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)
    assert set(read["services"]) == set(SERVICES)
    for name, service in OURS.items():
        environment = read["services"][name]["environment"]
        place = "127.0.0.1" if service.get("network_mode") == "host" else "postgres"
        assert environment["GENIE_DATABASE_URL"] == f"postgresql://genie:secret123@{place}:5432/genie"
        assert environment["GENIE_MODEL"] == "anthropic:MODEL"


def test_docker_compose_asks_for_the_password_that_is_missing(tmp_path):
    done = read_by_compose(tmp_path, EXAMPLE)

    assert done.returncode != 0
    assert "set POSTGRES_PASSWORD in .env" in done.stderr


def test_there_are_two_servers_and_two_workers_on_one_database():
    assert {name for name in SERVICES if name not in APIS | WORKERS} == {"postgres", "neo4j", "migrate"}
    assert (len(APIS), len(WORKERS)) == (2, 2)


def test_nobody_begins_before_the_database_is_migrated_once():
    assert {name: service["depends_on"] for name, service in LASTING.items()} == {
        name: {"migrate": {"condition": "service_completed_successfully"}} for name in LASTING
    }
    assert SERVICES["migrate"]["command"] == ["db", "migrate"]
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_only_this_machine_reaches_what_is_served():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    # A server takes no address but loopback, and on a network of its own nobody could reach that.
    assert {service["network_mode"] for service in APIS.values()} == {"host"}
    assert [word for service in APIS.values() for word in service["command"] if word.startswith("--host")] == []


@pytest.mark.parametrize("name", sorted(APIS))
def test_each_server_is_asked_whether_it_is_ready_at_its_own_port(name):
    command = APIS[name]["command"]

    assert f":{command[command.index('--port') + 1]}/ready" in APIS[name]["healthcheck"]["test"][-1]


def test_the_servers_have_ports_of_their_own_and_leave_the_work_to_the_workers():
    commands = [service["command"] for service in APIS.values()]

    assert len({command[command.index("--port") + 1] for command in commands}) == len(commands)
    assert {command[command.index("--workers") + 1] for command in commands} == {"0"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_what_lasts_is_looked_after_and_begun_again(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_a_container_is_given_the_time_that_it_takes_to_end_in_good_order():
    # Some more than the running step has, for handing it over.
    longest = Settings.model_fields["drain_seconds"].default + 30

    assert {name for name, service in LASTING.items() if seconds(service["stop_grace_period"]) < longest} == set()


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_can_do_no_more_than_it_must(name):
    service = OURS[name]

    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_each_process_has_a_home_of_its_own_that_outlives_it():
    homes = [volume.partition(":") for service in LASTING.values() for volume in service["volumes"]]

    assert {place for _, _, place in homes} == {"/var/lib/genie"}
    assert sorted(name for name, _, _ in homes) == sorted(LASTING)
    assert set(COMPOSE["volumes"]) == {"postgres", "neo4j", *LASTING}


def test_no_secret_stands_in_a_file_that_is_committed():
    said = [value for service in SERVICES.values() for name, value in service["environment"].items() if "PASSWORD" in name or "URL" in name]

    assert said
    assert [value for value in said if "${POSTGRES_PASSWORD" not in value] == []
    assert re.findall(r"^(\w*(?:KEY|PASSWORD)\w*)=(.+)$", EXAMPLE, re.MULTILINE) == []


def test_every_setting_that_the_containers_are_given_exists():
    known = {str(field.validation_alias or f"GENIE_{name.upper()}") for name, field in Settings.model_fields.items()}
    given = {name for service in OURS.values() for name in service["environment"]} | set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE))

    assert given - known - {"POSTGRES_PASSWORD", "POSTGRES_PORT"} == set()


def test_the_image_is_run_by_somebody_who_is_not_root_and_holds_pinned_packages_only():
    stages = DOCKERFILE.split("\nFROM ")[1:]

    assert re.findall(r"^USER (\w+)$", stages[-1], re.MULTILINE) == ["genie"]
    assert re.findall(r"^ENTRYPOINT (.+)$", stages[-1], re.MULTILINE) == ['["genie"]']
    installs = re.findall(r"pip install (.+)$", DOCKERFILE, re.MULTILINE)
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []
    assert re.search(r"^HEALTHCHECK ", stages[-1], re.MULTILINE)


def test_the_image_is_built_from_all_packages_and_from_nothing_that_lies_about():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    admitted = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert lines[0] == "*"
    assert admitted == {*packages, "LICENSE", "README.md", "pyproject.toml", "requirements.lock", "requirements-graphiti.lock"}
