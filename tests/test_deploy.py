"""The files for containers and for systemd: read by the tools themselves where they are there, and held to the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.roles import Role

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
UNITS = sorted((DEPLOY / "systemd").iterdir())
ANSWERS = {"NEARPEER_DATABASE_PASSWORD": "letters", "NEARPEER_PUBLIC_URL": "https://mentoring.example.org"}
HARDENED = {"NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=nearpeer", "Restart=always"}


def composed() -> dict[str, Any]:
    services: dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    return services


def roles_of(words: list[str]) -> list[str]:
    return [word for before, word in pairwise(words) if before == "--role"]


def compose(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        known = shutil.which(command[0])
        if known and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return subprocess.run(
                [*command, "-f", str(COMPOSE), *words],
                capture_output=True,
                text=True,
                env={"PATH": os.environ["PATH"]} | environment,
            )
    pytest.skip("neither docker compose nor docker-compose is here: the file is only read as YAML")


def test_compose_takes_the_file_when_it_is_told_the_password_and_the_address() -> None:
    read = compose("config", **ANSWERS)
    assert read.returncode == 0, read.stderr
    assert "postgresql://nearpeer:letters@database/nearpeer" in read.stdout


@pytest.mark.parametrize("missing", ANSWERS)
def test_compose_refuses_to_start_without_them(missing: str) -> None:
    read = compose("config", **{name: value for name, value in ANSWERS.items() if name != missing})
    assert read.returncode != 0
    assert "write it into .env" in read.stderr


def test_the_file_holds_no_secret() -> None:
    for line in COMPOSE.read_text().splitlines():
        if "PASSWORD" in line and not line.startswith("#"):
            assert "${NEARPEER_DATABASE_PASSWORD:?write it into .env}" in line


def test_every_role_has_its_program_and_there_are_two_workers() -> None:
    services = composed()
    roles = [role for service in services.values() for role in roles_of(service.get("command", []))]
    assert sorted(roles) == sorted([*Role, Role.WORKER])
    assert "profiles" in services["ingress"], "a school with the web chat alone needs none"


def test_all_programs_wait_for_the_database_come_back_and_may_finish() -> None:
    for name, service in composed().items():
        assert service["restart"] == "unless-stopped", name
        assert int(service["stop_grace_period"].removesuffix("s")) > 15, name
        if name != "database":
            assert service["depends_on"] == {"database": {"condition": "service_healthy"}}, name
            assert service["security_opt"] == ["no-new-privileges:true"], name
    assert {name for name, service in composed().items() if "healthcheck" in service} == {"database", "web"}
    assert composed()["web"]["ports"] == ["127.0.0.1:8700:8700"], "https is the proxy's, in front"


def test_the_image_holds_what_it_copies() -> None:
    copied = re.findall(r"^COPY (\S+) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert copied
    for path in copied:
        assert (DEPLOY.parent / path).exists()
        assert f"!{path}" in kept


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_one_share_of_the_work_and_is_hardened(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert set(lines) >= HARDENED
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert set(roles_of(start.split())) <= {*Role, "%i"}
    (grace,) = [line for line in lines if line.startswith("TimeoutStopSec=")]
    assert int(grace.partition("=")[2]) > 15


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here: units are only read")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # The one thing that is not on this machine is the program itself.
        text = unit.read_text().replace("/opt/nearpeer/.venv/bin/nearpeer", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = [str(tmp_path / unit.name) for unit in UNITS]
    read = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")
