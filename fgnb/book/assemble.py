"""The source of the site: prose, executed notebooks and generated pages, under one folder.

Executed copies lie under the same relative names as their sources. Only what changed is written,
since Sphinx compares times; what no longer belongs is removed.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

import fgnb
from fgnb import paths, presets
from fgnb.book import manifest, sources
from fgnb.book.alt import with_alt
from fgnb.book.generated import Generated
from fgnb.book.library import versions
from fgnb.book.manifest import Entry
from fgnb.report import scorecard
from fgnb.store import digest, file_sha256, write_atomic

_PROSE = frozenset({".md", ".bib", ".py", ".css", ".js", ".png", ".svg"})


# The faces that JupyterLab alone can show; to Sphinx they are of an unknown type.
LAB_ONLY = {"application/vnd.plotly.v1+json"}


def assemble(preset: str, entries: Sequence[Entry]) -> Path:
    """Write the source of a preset's site and return its folder.

    Args:
        preset: which book this is; its banner says so.
        entries: executed notebooks that the gate admitted.

    Raises:
        NotebookError: an executed copy, `_config.yml` or `_toc.yml` can't be read.
        PlaceholderError: prose asks for a part that nothing generates.
    """
    target = paths.build_root() / preset / "source"
    wanted = dict(_files(preset, entries))
    for name, content in wanted.items():
        file = target / name
        if not file.is_file() or file.read_bytes() != content:
            write_atomic(file, content)
    for file in target.rglob("*"):
        if file.is_file() and file.relative_to(target).as_posix() not in wanted:
            file.unlink()
    return target


def inputs_digest(entries: Sequence[Entry]) -> str:
    """SHA-256 over everything that a site is made from: if it stands, so does the site.

    Prose and settings, notebooks with their executed copies and results, recorded results, and
    all of fgnb: a recorded result says so where its code has changed since.
    """
    root = paths.project_root()
    folders = [Path(fgnb.__file__).parent, root / "book", paths.recorded_root()]
    folders += [entry.results for entry in entries]
    files = [root / "_config.yml", root / "_toc.yml", *(entry.output for entry in entries)]
    files += [entry.source for entry in entries]
    for folder in folders:
        files += [file for file in sorted(folder.rglob("*")) if file.is_file()]
    kept = [file for file in files if "__pycache__" not in file.parts]
    return digest([{str(file): file_sha256(file) for file in kept}, versions()])


def _files(preset: str, entries: Sequence[Entry]) -> Any:
    root = paths.project_root()
    yield "_toc.yml", (root / "_toc.yml").read_bytes()
    yield "_config.yml", _config(root / "_config.yml", preset)
    listed = {page for page in manifest.pages() if page.startswith("notebooks/")}
    addresses = {page.removeprefix("notebooks/"): f"../{page}.html" for page in listed}
    generated = Generated(scorecard.read(entry.output for entry in entries), addresses.get)
    for file in sorted((root / "book").rglob("*")):
        if file.is_file() and file.suffix in _PROSE and "__pycache__" not in file.parts:
            name, content = file.relative_to(root).as_posix(), file.read_bytes()
            is_text = file.suffix == ".md"
            yield name, generated.fill(content.decode(), name).encode() if is_text else content
    for entry in entries:
        text = json.dumps(_page(entry), indent=1, ensure_ascii=False, sort_keys=True)
        yield f"notebooks/{entry.name}.ipynb", f"{text}\n".encode()


def _config(file: Path, preset: str) -> bytes:
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise sources.NotebookError(f"{file.name} can't be read: {error}") from None
    config.setdefault("html", {})["announcement"] = banner(preset)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()


def banner(preset: str) -> str:
    """What stands on top of every page: which preset, and what its numbers may be taken for."""
    scale = presets.get(preset)
    untrained = " Its training stops after two steps: numbers mean nothing." * (preset == "smoke")
    return html.escape(
        f"The {preset} book: drawn birds ({scale.species} species, {scale.image_size} px), a check "
        f"of mechanisms. Numbers on photographs are marked where they stand.{untrained}"
    )


def _page(entry: Entry) -> dict[str, Any]:
    """An executed notebook as a page: current text, alternative texts, settings folded."""
    try:
        page = sources.with_current_text(sources.read(entry.output), sources.read(entry.source))
    except sources.NotebookError as error:
        raise sources.NotebookError(f"{entry.name}: {error}") from None
    page["metadata"].pop("widgets", None)
    page["metadata"].pop("papermill", None)
    page["metadata"].pop("fgnb", None)
    for cell in page["cells"]:
        cell["metadata"].pop("papermill", None)
        if sources.INJECTED in sources.tags(cell):
            cell["metadata"]["tags"] = [*sources.tags(cell), "hide-input"]
        for output in cell.get("outputs", []):
            for kind in LAB_ONLY & set(output.get("data", {})):
                del output["data"][kind]
    page["cells"] = [with_alt(cell) for cell in page["cells"]]
    return page
