"""Execute one notebook with papermill: checked before, whole or absent after."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fgnb import paths, progress
from fgnb.book import parameters, sources
from fgnb.book.library import library_digest, versions
from fgnb.book.scrub import scrub
from fgnb.progress.stopping import terminable
from fgnb.store import lock, write_atomic
from fgnb.training.progress import KEPT


@dataclass(frozen=True)
class Executed:
    """An executed notebook.

    Attributes:
        name: path below notebooks/ without suffix.
        path: the executed copy.
        results: the folder with what it recorded.
        parameters: every parameter with the value that it ran with.
        seconds: wall-clock time.
    """

    name: str
    path: Path
    results: Path
    parameters: dict[str, Any]
    seconds: float


def run_notebook(
    source: str | Path,
    values: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    *,
    results_dir: str | Path | None = None,
    logs: str | Path | None = None,
    timeout: float | None = None,
) -> Executed:
    """Execute a notebook in a kernel of its own and put the copy in its place when it is whole.

    Args:
        source: a path, or a name such as "ccfr/3-3-re-ranking".
        values: parameters; text is parsed by the declared type.
        output: the executed copy; the default lies below ``_build/runs``.
        results_dir: where the notebook records; the default is ``<output>.results``.
        logs: folder that keeps the half-executed copy of a failed run; default ``_build/logs``.
        timeout: seconds that one cell may take; None waits.

    Raises:
        ParameterError: an unknown name, a wrong type, a value out of range; no kernel was started.
        NotebookError: the notebook is missing, raised, or lost its kernel; the message names the
            notebook, the cell, the exception and the half-executed copy. What stood at ``output``
            and ``results_dir`` before is still there.
        Stopped: an interrupt or SIGTERM; a `KeyboardInterrupt` that says how far it was.
    """
    file = sources.locate(source)
    name = sources.name_of(file)
    notebook = sources.read(file)
    declared = parameters.declared_in(notebook, name)
    overrides = parameters.given(declared, values or {}, name)
    target = Path(output or paths.build_root() / "runs" / f"{name}.ipynb").absolute()
    results = Path(results_dir or target.with_suffix(".results")).absolute()
    half = Path(logs or paths.build_root() / "logs").absolute() / f"{name}.ipynb"
    settled = {p.name: overrides.get(p.name, p.default) for p in declared}
    stamp = {
        "notebook": name,
        "source_digest": sources.source_digest(notebook),
        "library_digest": library_digest(notebook, name),
        "parameters": settled,
        "versions": versions(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    start = time.monotonic()
    with lock(target), _results(results) as work:
        half.parent.mkdir(parents=True, exist_ok=True)
        executed = _execute(notebook, name, overrides, half, work, timeout)
        seconds = time.monotonic() - start
        executed["metadata"]["fgnb"] = {**stamp, "seconds": round(seconds, 1)}
        scrub(executed, f"notebooks/{name}.ipynb")
        write_atomic(target, sources.write_text(executed))
        half.unlink(missing_ok=True)
    return Executed(name, target, results, settled, seconds)


def running_place(results: Path) -> Path:
    """Where a run under way records what later lies in ``results``; it is there only meanwhile."""
    return results.with_name(f".{results.name}.running")


@contextmanager
def _results(place: Path) -> Iterator[Path]:
    """A fresh folder that takes ``place`` when the block ends well, and vanishes otherwise."""
    work = running_place(place)
    for leftover in (work, former := place.with_name(f".{place.name}.former")):
        shutil.rmtree(leftover, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    if place.exists():
        place.rename(former)
    work.rename(place)
    shutil.rmtree(former, ignore_errors=True)


def _execute(
    notebook: sources.Notebook,
    name: str,
    overrides: dict[str, Any],
    half: Path,
    results: Path,
    timeout: float | None,
) -> sources.Notebook:
    """The executed notebook; papermill keeps ``half`` up to date meanwhile.

    What its kernel tells of its progress is shown by this process, and stands on no page.
    """
    # Half a second of imports that a refused parameter does not need.
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from fgnb.book.kernel import manager

    logging.getLogger("papermill").setLevel(logging.ERROR)
    count = len(sources.code_cells(notebook))
    with (
        terminable(),
        tempfile.TemporaryDirectory(prefix="fgnb-") as folder,
        progress.task(name, "cell", count, timed=False, kept=KEPT) as entry,
        progress.following(channel := Path(folder) / "progress", entry),
    ):
        environment = {
            "FGNB_RESULTS_DIR": str(results),
            "FGNB_ROOT": str(paths.project_root()),
            "IPYTHONDIR": str(Path(folder) / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            progress.CHANNEL: str(channel),
        }
        cwd = Path(folder) / "work"
        cwd.mkdir()
        # What was digested is what runs, even if somebody saves the source meanwhile.
        held = Path(folder) / "source.ipynb"
        held.write_text(sources.write_text(notebook), encoding="utf-8")
        try:
            executed: sources.Notebook = papermill.execute_notebook(
                str(held),
                str(half),
                overrides,
                kernel_name="python3",
                progress_bar=False,
                cwd=str(cwd),
                execution_timeout=timeout,
                kernel_manager_class=manager(environment),
                extra_arguments=["--log-level=CRITICAL"],
                on_cell_start=_counted(entry),
            )
        except PapermillExecutionError as error:
            what = _what(error.ename, error.evalue)
            where = _where(notebook, error.source)
            raise sources.NotebookError(_failed(name, half, f"{where} raised {what}")) from None
        except CellTimeoutError:
            raise sources.NotebookError(
                _failed(name, half, f"a cell took longer than {timeout:g} s")
            ) from None
        except DeadKernelError:
            raise sources.NotebookError(
                _failed(name, half, "the kernel died; often memory is short")
            ) from None
    return executed


def _counted(entry: progress.Task) -> Callable[..., None]:
    """Has ``entry`` count the code cells that began."""
    begun: set[int] = set()

    def start(cell: Any, cell_index: int) -> None:
        if cell["cell_type"] == "code":
            begun.add(cell_index)
            entry.done = min(len(begun), entry.total or 0)
            progress.moved()

    return start


def _where(notebook: sources.Notebook, text: str) -> str:
    """Which code cell of the source, counted from 1, and how it begins."""
    cells = sources.code_cells(notebook)
    number = next((i for i, cell in enumerate(cells, 1) if cell["source"] == text), None)
    first = (text.strip().splitlines() or [""])[0][:60]
    return f"code cell {number} of {len(cells)} ({first})" if number else "the injected parameters"


def _what(kind: str, text: str) -> str:
    first = (text.strip().splitlines() or [""])[0]
    return f"{kind}: {first}" if first else kind


def _failed(name: str, half: Path, reason: str) -> str:
    root = paths.project_root()
    place = half.relative_to(root) if half.is_relative_to(root) else half
    return f"{name}: {reason}; the half-executed copy is {place}"
