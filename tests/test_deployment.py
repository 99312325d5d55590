"""The deployment files say what the code can do. No container engine is needed to read them."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.base import CLIContext
from celery.bin.celery import celery as celery_command
from django.core.management import get_commands, load_command_class

from cpo_backoffice.celery import app
from tests.architecture.environment import documented, read_by_settings

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
APPLICATION = {name: service for name, service in SERVICES.items() if service.get("image") == "cpo-backoffice"}
LONG_RUNNING = {"postgres", "redis", "web", "worker", "deliveries", "beat"}
ONE_SHOT = {"migrate", "demo-seed"}
DEMO_PARTIES = {"demo-charge-point", "demo-charge-point-201", "demo-scsp"}
DEMO = {"demo-seed"} | DEMO_PARTIES
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


def dockerfile() -> list[str]:
    return [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]


def variables(value: Any) -> list[tuple[str, str, str]]:
    """Name, `-` for a default or `?` for required, and the text after it."""
    if isinstance(value, str):
        return VARIABLE.findall(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for part in parts for found in variables(part)]


# --- services ---------------------------------------------------------------------------------------------------------


def test_every_part_of_the_product_is_a_service() -> None:
    assert set(SERVICES) == LONG_RUNNING | ONE_SHOT | DEMO


def test_simulated_parties_start_only_with_the_profile_demo() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == DEMO
    assert {name for name, service in SERVICES.items() if "profiles" in service} == DEMO


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_what_runs_for_ever_has_a_health_check_and_is_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    from_image = any(line.startswith("HEALTHCHECK") for line in dockerfile())
    assert SERVICES[name].get("healthcheck", {}).get("test") or (name == "web" and from_image)


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_what_runs_once_is_not_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(set(APPLICATION) - {"migrate"} - DEMO_PARTIES))
def test_nothing_starts_before_the_migrations_are_done(name: str) -> None:
    assert APPLICATION[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_migrations_wait_for_the_database() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_only_the_database_is_kept() -> None:
    assert set(COMPOSE["volumes"]) == {"postgres"}
    assert {name for name, service in SERVICES.items() if "volumes" in service} == {"postgres"}


def test_only_the_web_is_reachable_and_by_default_from_this_host_only() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert SERVICES["web"]["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]


# --- commands ---------------------------------------------------------------------------------------------------------


def manage_commands() -> list[tuple[str, list[str]]]:
    commands = {name: service["command"] for name, service in APPLICATION.items()}
    return [(name, command) for name, command in commands.items() if command[0] == "python"]


@pytest.mark.parametrize(("name", "command"), manage_commands())
def test_a_management_command_takes_its_arguments(name: str, command: list[str]) -> None:
    program, script, subcommand, *arguments = command
    assert (program, script) == ("python", "manage.py")
    known = load_command_class(get_commands()[subcommand], subcommand)
    known.create_parser("manage.py", subcommand).parse_args(VARIABLE.sub("x", "\0".join(arguments)).split("\0"))


def test_workers_together_take_every_queue_and_each_only_once() -> None:
    taken = [queue for name in ("worker", "deliveries") for queue in worker_options(name)["queues"]]
    app.loader.import_default_modules()
    published = {app.amqp.router.route({}, name)["queue"].name for name in app.tasks if not name.startswith("celery.")}
    assert sorted(taken) == sorted(published)


@pytest.mark.parametrize(("name", "threads"), [("worker", 8), ("deliveries", 32)])
def test_a_worker_waits_in_threads(name: str, threads: int) -> None:
    options = worker_options(name)
    assert options["pool"].__module__ == "celery.concurrency.thread"
    assert options["concurrency"] == threads


def test_beat_is_one_process_of_our_application() -> None:
    assert SERVICES["beat"]["command"] == ["celery", "-A", "cpo_backoffice", "beat"]
    assert SERVICES["beat"].get("deploy") is None


def worker_options(name: str) -> dict[str, Any]:
    """As Celery's own command line reads them. Raises on an option that it does not know."""
    program, *arguments = SERVICES[name]["command"]
    assert program == "celery"
    assert arguments[:3] == ["-A", "cpo_backoffice", "worker"]
    worker = celery_command.commands["worker"]
    return worker.make_context("worker", arguments[3:], obj=CLIContext(app=app, no_color=True, workdir=None)).params


# --- secrets and settings ---------------------------------------------------------------------------------------------


def test_there_is_no_default_secret() -> None:
    for name, operator, text in variables(COMPOSE):
        if re.search("SECRET|PASSWORD|TOKEN", name):
            assert (operator == "?" and text) or (operator, text, name) == ("-", "", "DEMO_SECRET")


def test_the_application_starts_with_no_secret_missing() -> None:
    for service in APPLICATION.values():
        required = {name for name, operator, _ in variables(service["environment"]) if operator == "?"}
        assert required == {"SECRET_KEY", "POSTGRES_PASSWORD"}


def test_every_variable_of_the_containers_is_read_by_the_settings() -> None:
    for service in APPLICATION.values():
        assert set(service["environment"]) <= read_by_settings()


def test_every_variable_of_the_compose_file_is_documented() -> None:
    assert {name for name, _, _ in variables(COMPOSE)} <= documented()


def test_the_health_check_of_the_web_is_a_host_that_is_answered() -> None:
    hosts = SERVICES["web"]["environment"]["ALLOWED_HOSTS"].split(",")
    assert {"127.0.0.1", "web"} <= set(hosts)


# --- image ------------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_somebody_without_rights() -> None:
    assert "USER cpo" in dockerfile()
    assert dockerfile().index("USER cpo") > max(n for n, line in enumerate(dockerfile()) if line.startswith("COPY"))


def test_the_image_has_exactly_the_pinned_runtime_dependencies() -> None:
    (install,) = [line for line in dockerfile() if "pip install" in line]
    assert install.endswith("--require-hashes -r requirements.txt")
    assert "requirements-dev" not in (ROOT / "Dockerfile").read_text()


def test_the_final_stage_starts_from_a_small_image_of_the_oldest_python() -> None:
    stages = [line for line in dockerfile() if line.startswith("FROM")]
    assert stages == ["FROM python:3.11-slim AS build", "FROM python:3.11-slim"]


def test_everything_copied_exists_and_passes_the_ignore_file() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in dockerfile() if line.startswith("COPY") and "--from" not in line]
    names = {name for line in copied for name in line}
    assert names == kept
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("instruction", ["CMD", "HEALTHCHECK"])
def test_what_the_image_runs_is_valid(instruction: str) -> None:
    (line,) = [line for line in dockerfile() if line.startswith(instruction)]
    program, *arguments = json.loads(line[line.index("[") :])
    assert program == "python"
    if arguments[0] == "-c":
        compile(arguments[1], "HEALTHCHECK", "exec")
    else:
        assert arguments == ["manage.py", "run"]


@pytest.mark.parametrize("name", ["worker", "deliveries", "beat"])
def test_the_health_check_of_a_worker_is_valid(name: str) -> None:
    kind, program, option, code = SERVICES[name]["healthcheck"]["test"]
    assert (kind, program, option) == ("CMD", "python", "-c")
    compile(code, name, "exec")


def test_the_code_runs_on_the_python_of_the_image() -> None:
    assert sys.version_info >= (3, 11)
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
