"""Jupyter Book's own build, into a folder of our choice: ``python -m fgnb.book.sphinx``.

A process of its own, because Sphinx and its extensions leave marks in the one they run in. The
command line of jupyter-book does the same but puts ``_build/html`` below whatever it is given.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Build SOURCE into TARGET with its doctrees in DOCTREES; 0 without a warning."""
    from jupyter_book.sphinx import build_sphinx

    source, target, doctrees = map(Path, arguments)
    status = build_sphinx(
        str(source),
        str(target),
        noconfig=True,
        path_config=str(source / "_config.yml"),
        confoverrides={
            "nitpicky": True,
            "external_toc_path": str(source / "_toc.yml"),
            "latex_individualpages": False,
        },
        doctreedir=str(doctrees),
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    return status if isinstance(status, int) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
