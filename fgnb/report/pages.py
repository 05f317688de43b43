"""What the book gets from results when it is assembled: the scorecard and the recorded sections.

Recorded results enter pages here, not inside notebooks: `recorded_cells` gives the cells that
assembly appends to the executed copy of their home notebook.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fgnb import claims, paths
from fgnb.report import scorecard
from fgnb.report.files import Refused, gather, load_recorded, read_arrays
from fgnb.report.footer import Footer
from fgnb.report.markup import escape_myst
from fgnb.report.results import Result
from fgnb.report.tables import paired_table, published_table, settings_table

PageOf = Callable[[str], str | None]
RERANKING = "ccfr/3-3-re-ranking"
HEADING = "Recorded on real photographs"


def render(executed: Sequence[Path], page_of: PageOf) -> dict[str, str]:
    """The generated pages of the book, by path below its source.

    Args:
        executed: the executed notebooks; their results lie in `<notebook>.results` beside them.
        page_of: home notebook or claim id -> page of the book (path, no suffix), None without one.
    """
    results, refused = gather(executed)
    titles = {paper.paper: paper.title for paper in claims.load().papers}
    page = scorecard.to_myst(
        scorecard.score(results),
        page_of,
        titles,
        own=scorecard.own_rows(results),
        refused=refused,
    )
    return {"book/scorecard.md": page}


def recorded_cells(home: str) -> list[dict[str, Any]]:
    """The notebook cells (nbformat 4.5) to append to the executed copy of `home`.

    A Markdown cell with the tables, then, where there is one, a code cell without input that holds
    the explorer over the recorded predictions. Empty where nothing is recorded for the notebook.
    """
    text = recorded_section(home)
    if not text:
        return []
    cells = [_cell("markdown", f"{home}-recorded", text)]
    explorer = recorded_html(home)
    if explorer:
        cell = _cell("code", f"{home}-explorer", "# The explorer over the recorded predictions")
        cell["metadata"] = {"tags": ["remove-input"]}
        cell["execution_count"] = None
        plain = "The re-ranking explorer over the recorded predictions"
        data = {"text/html": explorer, "text/plain": plain}
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
        cells.append(cell)
    return cells


def with_alt(cell: dict[str, Any]) -> dict[str, Any]:
    """A code cell whose figure's alternative text stands where the book's builder reads it.

    myst-nb takes an image's text from the cell's metadata alone; our figures bring theirs in the
    output's metadata. A text that the cell already has stays. The cell given is not changed.
    """
    for output in cell.get("outputs", []):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt:
            metadata = dict(cell.get("metadata", {}))
            mystnb = dict(metadata.get("mystnb", {}))
            mystnb["image"] = {"alt": alt, **mystnb.get("image", {})}
            return {**cell, "metadata": {**metadata, "mystnb": mystnb}}
    return cell


def recorded_section(home: str) -> str:
    """The section of MyST on what was recorded for a notebook; empty without anything."""
    results, refused = _of(home)
    if not results and not refused:
        return ""
    out = [f"## {HEADING}\n"]
    if results:
        out.append(
            "\nThese numbers were measured once, on photographs that are not part of the book, and "
            "kept with their provenance; the book did not compute them anew. Settings were chosen "
            "on held-out training images unless a row says otherwise.\n"
        )
    for source in dict.fromkeys(result.source for result in results):
        out.append(_configuration([result for result in results if result.source == source]))
    if refused:
        out.append("\n**Recorded, but not shown:**\n\n")
        out += [f"- {escape_myst(str(item))}\n" for item in refused]
    return "".join(out)


def recorded_html(home: str) -> str | None:
    """The explorer over the recorded predictions of `home`; None where there is none."""
    if home != RERANKING:
        return None
    from fgnb.report.recorded_explorer import explorer_html

    results, _ = _of(home)
    for source in dict.fromkeys(result.source for result in results):
        arrays = read_arrays(paths.recorded_root() / f"{source}.json")
        own = [result for result in results if result.source == source]
        found = explorer_html(own, arrays)
        if found:
            return found
    return None


def _of(home: str) -> tuple[list[Result], list[Refused]]:
    """What photographs gave for a notebook, and what is refused of it."""
    results, refused = load_recorded()
    own = [r for r in results if r.provenance.notebook == home and r.provenance.protocol != "drawn"]
    return own, [item for item in refused if item.notebook == home]


def _configuration(results: Sequence[Result]) -> str:
    origin = results[0].provenance
    title = f"{origin.dataset_title}, {origin.backbone}, preset {origin.preset}"
    parts = [f"\n**{escape_myst(title)}**\n", published_table(results).to_myst()]
    tests = paired_table(results, caption="Paired tests on the same test images.")
    settings = settings_table(results, caption="Settings, and the images they were chosen on.")
    parts += [table.to_myst() for table in (tests, settings) if len(table)]
    parts.append(f"\n{Footer(origin, 'Provenance of the recorded results').to_html()}\n")
    return "".join(parts)


def _cell(kind: str, name: str, source: str) -> dict[str, Any]:
    identity = hashlib.sha256(name.encode()).hexdigest()[:16]
    return {"cell_type": kind, "id": identity, "metadata": {}, "source": source}
