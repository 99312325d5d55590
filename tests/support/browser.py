"""A real browser before a real demo. Playwright drives the Chromium of the system; it brings none of its own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import REPOSITORY, Program, environment, free_port, until

PASSWORD = "a long password of the demo"
VIEWER = "viewer"
ADD_VIEWER = f"""
from django.contrib.auth.models import Group, User
user = User.objects.create_user({VIEWER!r}, password={PASSWORD!r}, is_staff=True)
user.groups.add(Group.objects.get(name="Viewer"))
"""


def chromium() -> str | None:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The address of `manage.py run --demo`, once each charge point has its first profile."""
    port = free_port()
    env = environment(DATA_DIR=str(folder / "data"), PORT=str(port), DEBUG="1", DEMO_ADMIN_PASSWORD=PASSWORD)
    manage, log = [sys.executable, REPOSITORY / "manage.py"], folder / "demo.log"
    program = Program([*manage, "run", "--demo"], log=log, env=env)
    try:
        until(lambda: log.read_text().count("From now on see the admin site") >= 2, timeout_s=60, what="the demo")
        subprocess.run([*manage, "shell", "-c", ADD_VIEWER], env=env, check=True, capture_output=True)
        yield f"http://127.0.0.1:{port}"
    finally:
        program.stop()


class Site:
    """One page of one user, and what went wrong on it."""

    def __init__(self, browser: Any, url: str, user: str = "admin", **context: Any) -> None:
        self.url = url
        self.wrong: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **context})
        self.page = self.context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("response", self._answered)
        self.go("/admin/")
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_load_state("networkidle")

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.wrong.append(message.text)

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} {response.url}")

    def go(self, path: str) -> Any:
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("load")
        return self.page

    def session(self) -> Any:
        """The page of the running session of the OCPP 1.6 charge point, found as an operator finds it."""
        self.go("/admin/chargepoints/chargingsession/?state__exact=ACTIVE&q=DEMO-16")
        self.page.locator("#result_list a[href*='/chargingsession/']").first.click()
        self.page.wait_for_load_state("load")
        return self.page

    def overflows(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"))

    def close(self) -> None:
        self.context.close()
