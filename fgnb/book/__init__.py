"""From notebook sources to a site: run strictly, admit, assemble, build.

`parameters` reads what a notebook declares, `run` executes one, `reproduce` all that the book
lists, `gate` admits them, `assemble` and `build` make the site.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgnb.book.build import make
    from fgnb.book.chapter import run_chapter
    from fgnb.book.gate import GateError
    from fgnb.book.parameters import ParameterError
    from fgnb.book.run import run_notebook
    from fgnb.book.sources import NotebookError
    from fgnb.book.workflow import reproduce

__all__ = [
    "GateError",
    "NotebookError",
    "ParameterError",
    "make",
    "reproduce",
    "run_chapter",
    "run_notebook",
]

_HOMES = {
    "GateError": "gate",
    "NotebookError": "sources",
    "ParameterError": "parameters",
    "make": "build",
    "reproduce": "workflow",
    "run_chapter": "chapter",
    "run_notebook": "run",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a notebook's first cell needs neither Snakemake nor Sphinx."""
    if name not in _HOMES:
        raise AttributeError(f"fgnb.book has no {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fgnb.book.{_HOMES[name]}"), name)
