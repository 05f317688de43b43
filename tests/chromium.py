"""A headless Chromium that reaches nothing outside this machine; fixtures for a conftest.py.

Without a browser these tests are skipped with the reason, except under CI, where they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass
class Visit:
    """A page, the outside addresses that it asked for, and its script errors."""

    page: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def without(reason: str) -> None:
    """Skip for want of something of the browser's; under CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium: ``FGNB_CHROMIUM``, else ``chromium`` on the path.

    A module's, not the session's: its event loop stays in this thread until it closes, and
    Snakemake, in other tests, refuses to start inside one.
    """
    path = os.environ.get("FGNB_CHROMIUM") or shutil.which("chromium")
    if not path:
        without("no chromium on the path; FGNB_CHROMIUM may name one")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        without("playwright is not installed (pip install fgnb[dev])")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """A function that opens an address; every request to the outside is aborted and recorded."""
    contexts = []

    def open_page(address: str, **options: Any) -> Visit:
        context = browser.new_context(service_workers="block", **options)
        contexts.append(context)
        found = Visit(context.new_page())

        def decide(route: Any) -> None:
            parts = urlsplit(route.request.url)
            if parts.scheme in ("file", "data", "blob", "about") or parts.hostname in LOCAL:
                route.continue_()
            else:
                found.outside.append(route.request.url)
                route.abort()

        context.route("**/*", decide)
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        found.page.goto(address)
        return found

    yield open_page
    for context in contexts:
        context.close()
