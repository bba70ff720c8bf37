"""A browser, and the pages that `make site` has written.

    make test-browser

Where the browser or the packages that drive it are missing, the tests are skipped, and say what
to install.
"""

import shutil
from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parents[2] / "build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """A Chromium of this machine, without a network."""
    reason = "playwright is missing: pip install --requirement requirements-extras.txt"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no Chromium here; on Debian and Ubuntu: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # A container's root can't have Chromium's own sandbox. It opens nothing but these pages.
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Return a function that opens a page of the site, and notes what goes wrong meanwhile."""
    contexts = []

    def open_page(name, width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:"))
                or page.wrong.append(f"asks for {request.url}")
            ),
        )
        path, _, query = name.partition("?")
        page.goto(f"{(HTML / path).as_uri()}{'?' * bool(query)}{query}")
        return page

    yield open_page
    for context in contexts:
        context.close()
