"""The browser of these tests: `chromium.py`, which the tests in JupyterLab use too; the smoke book.

``FGNB_SITE`` may name the folder of a book that is built already, to look at its pages again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chromium import browser, visit  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def fgnb() -> Callable[..., Path]:
    """The command line in a process of its own, since the browser's loop runs in this one."""

    def run(place: Path, *words: object, runs: Path | None = None) -> Path:
        moved = {"FGNB_BUILD": str(place / "build"), "FGNB_RUNS": str(runs or place / "runs")}
        command = [sys.executable, "-c", "from fgnb.cli import app; app()", *map(str, words)]
        done = subprocess.run(
            command, env=os.environ | moved, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Path(done.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, smoke_runs: Path, fgnb: Callable[..., Path]
) -> Path:
    """The whole smoke book, built once; its folder of pages."""
    if os.environ.get("FGNB_SITE"):
        return Path(os.environ["FGNB_SITE"])
    place = tmp_path_factory.mktemp("site")
    return fgnb(place, "book", "--preset", "smoke", runs=smoke_runs).parent


@pytest.fixture
def address(site: Path) -> Callable[[str], str]:
    """Where a page of the book lies, by its name in `_toc.yml`."""
    return lambda page: (site / f"{page}.html").as_uri()
