"""Starts a process of the product: `python -m bench.product run`, `... celery worker`.

What is changed in it: partners may live on loopback although DEBUG is off (DEBUG makes Django record every statement,
which on SQLite doubles their number), and the sizes of the batches are counted.
"""

import atexit
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpo_backoffice.settings")


def main() -> None:
    import django

    django.setup()
    _admit_loopback()
    if "BENCH_BATCHES" in os.environ:
        _count_batches(Path(os.environ["BENCH_BATCHES"]))
    _start(sys.argv[1:])


def _start(arguments: list[str]) -> None:
    if arguments[0] == "celery":
        from cpo_backoffice.celery import app

        app.start(arguments[1:])
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *arguments])


def _admit_loopback() -> None:
    from ocpi import parties
    from ocpi.client import AddressPolicy

    parties.address_policy = lambda _party: AddressPolicy(allow_insecure=True)


def _count_batches(report: Path) -> None:
    from chargepoints import group_commit

    sizes: list[int] = []
    commit = group_commit.commit

    def counted(batch: list[group_commit.Job]) -> None:
        sizes.append(len(batch))
        commit(batch)

    group_commit.commit = counted
    atexit.register(lambda: sizes and report.write_text(json.dumps(sizes)))


if __name__ == "__main__":
    main()
