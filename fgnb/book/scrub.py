"""What an executed notebook must not tell: where things lie, and what else ran beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fgnb import paths
from fgnb.training.fit import WAITING

_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")


def scrub(notebook: dict[str, Any], name: str) -> None:
    """Make an executed notebook's paths relative to the project, drop what it waited for, in place.

    Args:
        notebook: executed by papermill.
        name: what stands in its metadata in place of the two paths, e.g. "notebooks/a/b.ipynb".
    """
    about = notebook["metadata"].get("papermill", {})
    for key in ("input_path", "output_path"):
        if key in about:
            about[key] = name
    roots = [f"{root}/" for root in (paths.build_root(), paths.project_root()) if root != Path("/")]
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            _scrub_output(output, roots)
        if "outputs" in cell:
            cell["outputs"] = [o for o in cell["outputs"] if o.get("text", " ")]


def _scrub_output(output: dict[str, Any], roots: list[str]) -> None:
    if output["output_type"] == "stream":
        output["text"] = _without_waits(_without(output["text"], roots))
    for kind in _TEXTS:
        if kind in output.get("data", {}):
            output["data"][kind] = _without(output["data"][kind], roots)


def _without_waits(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if WAITING not in line)


def _without(text: Any, roots: list[str]) -> Any:
    if isinstance(text, str):
        for root in roots:
            text = text.replace(root, "")
    return text
