"""Where the book's builder looks for the alternative text of a figure."""

from __future__ import annotations

from typing import Any


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
