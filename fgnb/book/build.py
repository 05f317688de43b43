"""From the assembled source to HTML, with Jupyter Book's Sphinx; warnings are errors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fgnb import paths
from fgnb.book import gate
from fgnb.book.assemble import assemble, inputs_digest
from fgnb.book.workflow import reproduce
from fgnb.store import digest, file_sha256, lock, write_atomic

_STAMP = ".fgnb-built"
_INPUTS = ".fgnb-inputs"
_REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>fgnb</title>
<meta http-equiv="refresh" content="0; url=book/intro.html"></head>
<body><a href="book/intro.html">The book</a></body></html>
"""


class BuildError(RuntimeError):
    """The site could not be built; the message holds what Sphinx said."""


def make(preset: str = "demo", *, cores: int = 2, echo: Callable[[str], None] = print) -> Path:
    """Execute what changed, admit, assemble, build.

    Returns:
        The first page of the site.

    Raises:
        ReproduceError: notebooks that failed.
        GateError: executed notebooks that may not become pages.
        BuildError: Sphinx found something to say.
    """
    entries = reproduce(preset, cores=cores, echo=echo)
    target = paths.build_root() / preset / "html"
    index, stamp = target / "index.html", target / _INPUTS
    with lock(paths.build_root() / preset / "site"):
        gate.check(entries)
        # Assembling computes what recorded results add to pages, with seconds of imports.
        inputs = inputs_digest(entries)
        if index.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == inputs:
            echo("the site is up to date")
            return index
        stamp.unlink(missing_ok=True)
        build(preset, assemble(preset, entries), echo=echo)
        write_atomic(stamp, inputs)
    return index


def build(preset: str, source: Path, *, echo: Callable[[str], None] = print) -> Path:
    """Build ``source`` into ``_build/<preset>/html``; nothing is done where nothing changed.

    Raises:
        BuildError: a warning or an error of Sphinx.
    """
    target = paths.build_root() / preset / "html"
    index, stamp = target / "index.html", target / _STAMP
    frame, everything = _digests(source)
    former = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else ["", ""]
    if former == [frame, everything] and index.is_file():
        echo("the site is up to date")
        return index
    stamp.unlink(missing_ok=True)
    _sphinx(source, target, fresh=former[0] != frame)
    write_atomic(index, _REDIRECT)
    write_atomic(stamp, f"{frame} {everything}\n")
    return index


def _sphinx(source: Path, target: Path, *, fresh: bool) -> None:
    """Run Sphinx in a process of its own, its words kept for the case that it fails."""
    doctrees = target.with_name("doctrees")
    if fresh:  # side bars and local extensions are not tracked by Sphinx
        for folder in (target, doctrees):
            shutil.rmtree(folder, ignore_errors=True)
    places = (str(place) for place in (source, target, doctrees))
    done = subprocess.run(
        [sys.executable, "-m", "fgnb.book.sphinx", *places],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = _plain(f"{done.stdout}\n{done.stderr}", source)
        raise BuildError(f"the site was not built:\n{said}")


def _plain(text: str, source: Path) -> str:
    """Sphinx's warnings without colours, and without where the source lies."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return text.replace(f"{source}/", "").strip()


def _digests(source: Path) -> tuple[str, str]:
    """Of what frames every page (configuration, contents, extensions, styles), and of all."""
    found = {
        file.relative_to(source).as_posix(): file_sha256(file)
        for file in sorted(source.rglob("*"))
        if file.is_file()
    }
    framing = ("_config.yml", "_toc.yml", "book/_ext/", "book/_static/")
    return digest({k: v for k, v in found.items() if k.startswith(framing)}), digest(found)
