"""Makes the pictures of docs/pictures from the demo: python -m tests.browser.screenshots"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.browser import Site, chromium, demo
from tests.support.processes import REPOSITORY

PICTURES = REPOSITORY / "docs" / "pictures"
PAGES = {
    "dashboard": "/admin/",
    "charge-point": "/admin/chargepoints/chargepoint/1/change/",
    "partner": "/admin/ocpi/party/1/change/",
    "dry-run": "/admin/dry-run/",
}


def main() -> None:
    path = chromium()
    if path is None:
        sys.exit("No Chromium on this machine.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, demo(Path(folder)) as url:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        site = Site(browser, url, viewport={"width": 1280, "height": 1000})
        site.page.wait_for_timeout(45_000)  # so that the picture of the session has something to show
        site.session().screenshot(path=PICTURES / "session.png")
        for name, address in PAGES.items():
            site.go(address).screenshot(path=PICTURES / f"{name}.png")
        dark = Site(browser, url, color_scheme="dark", viewport={"width": 390, "height": 844})
        dark.session().screenshot(path=PICTURES / "session-phone-dark.png")
        browser.close()


if __name__ == "__main__":
    main()
