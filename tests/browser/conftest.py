import pytest

from tests.support import browser as support
from tests.support.browser import Site


@pytest.fixture(scope="session")
def browser():
    path = support.chromium()
    if path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def url(browser, tmp_path_factory):
    with support.demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest.fixture
def open_site(browser, url):
    """Whatever a test does, nothing may go wrong on a page."""
    sites = []

    def open_as(user="admin", **context):
        sites.append(Site(browser, url, user, **context))
        return sites[-1]

    yield open_as
    wrong = [text for site in sites for text in site.wrong]
    for site in sites:
        site.close()
    assert wrong == []
