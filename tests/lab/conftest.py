"""A JupyterLab of the tests' own: on 127.0.0.1 alone, over a copy of the notebooks set to smoke.

Nothing of the user's is read or written: settings, workspaces, trust and kernels lie in a folder
of the test run. The trained stages are those that the notebooks' own tests share.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chromium import browser, visit  # noqa: F401 - fixtures

from fgnb.book.kernel import dies_with_parent

ROOT = Path(__file__).parents[2]
START_SECONDS, RUN_SECONDS, ANSWER_SECONDS = 60, 600, 20
OPTIONS = [
    "--no-browser",
    "--allow-root",  # a container's only user often is root
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--IdentityProvider.token=",
    "--LabApp.extension_manager=readonly",  # the default one asks a package index
]
# Its news come from outside, and the question whether to fetch them covers the notebook. Saving by
# the clock would meet the tests' own saving.
SETTINGS = {
    "page_config.json": {
        "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}
    },
    "default_setting_overrides.json": {
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False}
    },
}
PROMPTS = """[...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")]
  .map(prompt => prompt.textContent)"""
BEGUN = f"() => {PROMPTS}.some(text => /^\\[[*\\d]+\\]:$/.test(text))"
ENDED = f"() => !{PROMPTS}.includes('[*]:')"  # an error takes the star off all that follow


@dataclass(frozen=True)
class Lab:
    """A running server and the folder of notebooks that it serves."""

    address: str
    notebooks: Path


@dataclass(frozen=True)
class Opened:
    """A notebook in JupyterLab whose every cell has run.

    Attributes:
        page: the browser's page.
        outputs: of all cells, as they were saved, every face in them.
        outside: addresses outside this machine that the page asked for.
    """

    page: Any
    outputs: list[Any]
    outside: list[str]

    def html(self, mark: str) -> str:
        """The HTML face of the first output that holds ``mark``, shown in JupyterLab or not."""
        faces = (output.get("data", {}).get("text/html", "") for output in self.outputs)
        return next(face for face in faces if mark in face)


def _saved(page: Any, file: Path) -> list[Any]:
    """Save the notebook in front; its code cells as they lie on disk."""
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
    ):
        page.keyboard.press("Control+s")
    cells = nbformat.read(file, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def _at_smoke(folder: Path) -> None:
    """Copy the notebooks to ``folder`` with the preset of their parameters set to smoke."""
    for source in (ROOT / "notebooks").rglob("*.ipynb"):
        notebook = nbformat.read(source, as_version=4)
        (cell,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
        cell.source, changed = re.subn(
            r'^(preset: str = )"\w+"', r'\1"smoke"', cell.source, flags=re.MULTILINE
        )
        assert changed == 1, source
        target = folder / source.relative_to(ROOT / "notebooks")
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Where the server listens, which it writes down once it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(file.read_text())["url"]).rstrip("/")
            except (json.JSONDecodeError, KeyError):  # half written
                break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab does not listen (exit status {server.poll()}): {log.read_text()}")


@pytest.fixture(scope="module")
def lab(
    browser: Any,  # noqa: F811 - first: without a browser there is nothing to start
    tmp_path_factory: pytest.TempPathFactory,
    smoke_runs: Path,
) -> Iterator[Lab]:
    """One server for the module; it ends with its kernels."""
    place = tmp_path_factory.mktemp("lab")
    _at_smoke(place / "notebooks")
    for name in ("config/labconfig", "runtime"):
        (place / name).mkdir(parents=True)
    for name, content in SETTINGS.items():
        (place / "config" / "labconfig" / name).write_text(json.dumps(content))
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "share",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "FGNB_DATA": "data",
        "FGNB_BUILD": "build",
        "FGNB_RESULTS_DIR": "results",
    }
    environment = {name: str(place / folder) for name, folder in own.items()}
    environment |= {"FGNB_ROOT": str(ROOT), "FGNB_RUNS": str(smoke_runs)}
    log = place / "server.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--notebook-dir={place / 'notebooks'}"],
            cwd=place,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )
        try:
            yield Lab(_address(server, place / "runtime", log), place / "notebooks")
        finally:
            server.send_signal(signal.SIGTERM)  # it shuts its kernels down before it goes
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture
def run_all(lab: Lab, visit: Callable[..., Any]) -> Callable[[str], Opened]:  # noqa: F811
    """A function that opens a notebook, runs all of its cells from the menu, and waits."""

    def run(name: str) -> Opened:
        found = visit(
            f"{lab.address}/lab/tree/{name}.ipynb?reset", viewport={"width": 1400, "height": 1000}
        )
        page = found.page
        # The status bar knows the kernel's name when it is connected; a run before that is lost.
        page.get_by_text(" | Idle").wait_for(timeout=1000 * START_SECONDS)
        page.get_by_role("menubar").first.get_by_text("Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.mouse.move(5, 5)  # off the outputs: some answer to a pointer over them
        page.wait_for_function(BEGUN, timeout=1000 * START_SECONDS)
        page.wait_for_function(ENDED, timeout=1000 * RUN_SECONDS)
        cells = _saved(page, lab.notebooks / f"{name}.ipynb")
        outputs = [output for cell in cells for output in cell.outputs]
        assert not [output.evalue for output in outputs if output.output_type == "error"]
        assert all(cell.execution_count for cell in cells)
        return Opened(page, outputs, found.outside)

    return run


@pytest.fixture
def expect(browser: Any) -> Any:  # noqa: F811 - it proves that playwright is there
    """Playwright's assertions that wait: for a kernel's answer, on a machine that is busy."""
    from playwright.sync_api import expect

    expect.set_options(timeout=1000 * ANSWER_SECONDS)
    return expect
