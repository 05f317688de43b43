"""The book's own Sphinx extension: no page asks anything of the outside.

MathJax comes from the installed package `sphinx-mathjax-offline`, cut to what pages use; plotly.js
from the installed `plotly`, for the pages with a figure to turn alone, since it has 5 MB; scripts
that only work with a server behind them are left out.
"""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)
PACKAGE = "sphinx-mathjax-offline"
ENTRY = "tex-mml-chtml.js"
PARTS = (ENTRY, "output/chtml/fonts/woff-v2", "input/tex/extensions")
PLACE = "vendor/mathjax"
TURNABLE = 'class="fgnb-surface"'  # what a figure of `fgnb.report.surface` is known by
PLOTLY = "vendor/plotly/plotly.min.js"
NEEDS_A_SERVER = ("thebe", "require")


def mathjax_folder() -> Path | None:
    """The installed MathJax, or None where the package is missing."""
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        return None
    found = next((f for f in listed if f.name == ENTRY and f.parent.name == "mathjax"), None)
    return Path(str(found.locate())).parent if found is not None else None


def point_to_mathjax(app: Sphinx, config: Any) -> None:
    """Name the local copy before any page is written."""
    if mathjax_folder() is None:
        log.info("%s is not installed: pages with mathematics ask a CDN for MathJax", PACKAGE)
        return
    config.mathjax_path = f"../{PLACE}/{ENTRY}"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put the parts of MathJax that pages load beside them."""
    source = mathjax_folder()
    target = Path(app.outdir) / PLACE
    if error is not None or source is None or (target / ENTRY).exists():
        return
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)


def add_plotly(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Give a page with a figure to turn the local plotly.js, and put it beside the pages."""
    if TURNABLE not in context.get("body", ""):
        return
    source = plotly_script()
    if source is None:
        log.info("plotly is not installed: %s shows its surface as a picture", page)
        return
    target = Path(app.outdir) / PLOTLY
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(source, beside)
        beside.replace(target)  # whole or not at all, whoever else writes pages
    app.add_js_file(f"../{PLOTLY}", loading_method="defer")


def plotly_script() -> Path | None:
    """The plotly.js of the installed plotly, or None where the package is missing."""
    try:
        listed = files("plotly") or []
    except PackageNotFoundError:
        return None
    found = next((f for f in listed if f.match("plotly/package_data/plotly.min.js")), None)
    return Path(str(found.locate())) if found is not None else None


def leave_out(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Drop the scripts that a static page can't use."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if not any(word in _text(script) for word in NEEDS_A_SERVER)
    ]


def _text(script: Any) -> str:
    """Where a script comes from, or what it says where it stands in the page."""
    attributes = getattr(script, "attributes", None) or {}
    return f"{getattr(script, 'filename', script)} {attributes.get('body', '')}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", point_to_mathjax, priority=900)
    app.connect("html-page-context", add_plotly)
    app.connect("html-page-context", leave_out, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
