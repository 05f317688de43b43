"""One notebook of the book, as the workflow calls it: ``python -m fgnb.book.job NAME PRESET``.

Says one line. On failure the reason stays in the log folder, for the end of the whole run.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from fgnb import progress
from fgnb.book import gate, manifest, sources
from fgnb.book.declaration import ParameterError
from fgnb.book.kernel import die_with_parent
from fgnb.book.run import run_notebook
from fgnb.progress import stopping
from fgnb.store import write_atomic


def main(arguments: Sequence[str]) -> int:
    """Execute a notebook for a preset; 0 if the result may enter the book."""
    die_with_parent()
    name, preset = arguments
    # The book is the same everywhere: photographs that lie on this machine play no part in it.
    os.environ.pop("FGNB_DATA", None)
    # Left out where absent: jsonschema, which papermill imports, builds a grammar of IRIs with it
    # for over a second, and notebooks hold none to be checked.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    (entry,) = manifest.read(preset, [name])
    entry.message.unlink(missing_ok=True)
    start = time.monotonic()
    # The process above says in one line what is stopped; here it is neither said nor a failure.
    with stopping.stoppable(line=None) as watch:
        try:
            with progress.shown(*progress.usual()):
                run_notebook(
                    entry.source,
                    entry.overrides,
                    entry.output,
                    results_dir=entry.results,
                    logs=entry.logs,
                )
            _admit(entry)
        except KeyboardInterrupt:
            return 128 + (watch.received or signal.SIGINT)
        except (sources.NotebookError, ParameterError, OSError) as error:
            if watch.received is not None:
                return 128 + watch.received
            write_atomic(entry.message, f"{error}\n")
            say(name, time.monotonic() - start, "failed")
            return 1
        say(name, time.monotonic() - start, "done")
        return 0


def say(name: str, seconds: float, state: str) -> None:
    """One line a notebook."""
    print(f"{name:<40} {seconds:5.0f} s  {state}", flush=True)


def _admit(entry: manifest.Entry) -> None:
    """Move what the gate would stop out of the way, so that it is not taken for done."""
    faults = list(gate.faults_of(entry))
    if faults:
        half = entry.logs / f"{entry.name}.ipynb"
        entry.output.replace(half)
        raise sources.NotebookError(f"{entry.name}: {'; '.join(faults)}; the copy is in the logs")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
