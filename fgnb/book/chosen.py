"""What was chosen on held-out images for every row, as tables of a page of prose.

Regimes of training and the regions' weight in a start are chosen once, by scripts in benchmarks/
that keep what they measured beside them; the page shows all of it, losing candidates too.
"""

from __future__ import annotations

import html
import json
from typing import Any

from fgnb import paths
from fgnb.report.render import grid

_NOTHING = '<p class="fgnb-note">Not measured yet.</p>'
_ENDS = {"start": "Logistic regression", "mean": "Mean of start and end", "end": "End"}


def regimes() -> str:
    """The regimes that were tried: start, mean and end on one held-out fifth; the confirmation."""
    found = _measured("regimes.json")
    if not found.get("rows"):
        return _NOTHING
    rows = [_regime(name, row) for name, row in found["rows"].items()]
    if "confirmed" in found:
        row = found["confirmed"]
        words = f"{row['regime']}, on {row['held_out_images']:,} images that no other row had"
        rows.append(_regime(words, row))
    images = next(iter(found["rows"].values()))["held_out_images"]
    caption = f"{found['dataset']}, {images:,} held-out training images; percent, 95 % interval"
    columns = ("Regime", "Rate", "Passes", *_ENDS.values(), "p, end against start")
    left = [name for name in found.get("listed", ()) if name not in found["rows"]]
    missing = [f"Listed and not measured yet: {', '.join(left)}."] * bool(left)
    missing += ["The best is not confirmed on another fifth yet."] * ("confirmed" not in found)
    note = f'<p class="fgnb-note">{html.escape(" ".join(missing))}</p>' if missing else ""
    return grid(columns, rows, caption=html.escape(caption)) + note


def shares() -> str:
    """The regions' weight in the start of each row, and what else was tried, before training."""
    found = _measured("region_share_cub.json")
    if not found.get("rows"):
        return _NOTHING
    tried = ("at 0.0", "at 0.1", "at 0.5")
    rows = [
        [
            html.escape(name),
            f"{row['share']:g}",
            _accuracy(row[f"at {row['share']}"]),
            *(_accuracy(row[at]) for at in tried),
        ]
        for name, row in found["rows"].items()
    ]
    images = next(iter(found["rows"].values()))["held_out_images"]
    caption = f"{found['dataset']}, {images:,} held-out training images, before any training"
    columns = ("Row", "Weight taken", "With it", "Whole alone", "A tenth", "A half")
    return grid(columns, rows, caption=html.escape(caption))


def _regime(name: str, row: dict[str, Any]) -> list[str]:
    ends = [_accuracy(row[end]) for end in _ENDS]
    p = row["p_of_end_against_start"]
    return [html.escape(name), f"{row['lr']:g}", f"{row['epochs']}", *ends, f"{p:.2g}"]


def _accuracy(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['accuracy']:.1f} <small>({low:.1f} to {high:.1f})</small>"


def _measured(name: str) -> dict[str, Any]:
    file = paths.project_root() / "benchmarks" / name
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
