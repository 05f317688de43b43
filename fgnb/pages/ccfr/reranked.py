"""Re-ranked rows: what a record keeps of them, and the answers that follow from it.

A re-ranked row is no training of its own: the record of the full model holds probabilities and
neighbours of every query, on test and on the held-out images where thresholds are chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings, choose
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

CODE = ("fgnb.ccfr.stages", "fgnb.ccfr.answers", "fgnb.ccfr.settings")
FIELDS = ("t_sf", "t_sc", "topn", "topm", "alpha", "beta", "gate")
_MANY = 2_000  # images; over it, probabilities and similarities are kept in half precision
_KEPT = ("ids", "labels", "probs", "neighbor_sims", "neighbor_labels", "logistic_probs")


def arrays(test: Answers, held_out: Answers | None) -> dict[str, np.ndarray]:
    """What a record keeps of both folds, or of the test images alone."""
    kept = _fold(test, "") | ({} if held_out is None else _fold(held_out, "held_out_"))
    return kept | {"classes": test.probs.argmax(axis=1).astype(np.int16)}


def answers(record: Record, prefix: str = "") -> Answers | None:
    """The answers that a record holds; ``prefix`` is ``held_out_`` for that fold. None without."""
    own: dict[str, Any] = {name: record.arrays.get(f"{prefix}{name}") for name in _KEPT}
    plain = own.pop("logistic_probs")
    if any(array is None for array in own.values()):
        return None
    near, none = own["neighbor_labels"].astype(np.int64), np.zeros(0, np.int64)
    neighbors = Neighbors(own["neighbor_sims"].astype(np.float32), np.zeros_like(near), near)
    probs = own["probs"].astype(np.float32)
    plain = plain if plain is None else plain.astype(np.float32)
    return Answers(own["ids"], own["labels"].astype(np.int64), probs, plain, neighbors, none, none)


def folds(sheet: Sheet, row: str) -> tuple[Answers, Answers] | None:
    """The answers of a row to test and to held-out images; None where it doesn't hold both."""
    if row not in sheet.rows:
        return None
    test, held_out = (answers(sheet.rows[row], prefix) for prefix in ("", "held_out_"))
    return None if test is None or held_out is None else (test, held_out)


def base_settings(p: Any) -> Settings:
    """The parameters of equations 8 and 9 that a notebook was given, before any rule."""
    return Settings(**{name: getattr(p, name) for name in FIELDS if hasattr(p, name)})


def chosen(held_out: Answers, p: Any) -> tuple[Settings, dict[str, Any]]:
    """The setting that the notebook's rule finds on held-out images, and how."""
    held = held_out.probs, held_out.neighbors, held_out.labels
    return choose(p.t_sf_rule, *held, base_settings(p))


def derive(sheet: Sheet, p: Any, row: str, name: str) -> tuple[Answers, Answers] | None:
    """Add re-ranked answers of ``row`` as ``name``, and ``retrieval``, if it has its `folds`."""
    found = folds(sheet, row)
    if found is not None:
        test, (settings, _) = found[0], chosen(found[1], p)
        ranked = settings.predictions(test.probs, test.neighbors)
        sheet.derive(name, row, classes=ranked.astype(np.int16), t_sf=[settings.t_sf])
        sheet.derive("retrieval", row, classes=test.neighbors.predictions().astype(np.int16))
    return found


def _fold(given: Answers, prefix: str) -> dict[str, np.ndarray]:
    half = np.float16 if len(given.labels) > _MANY else np.float32
    near = given.neighbors
    kept = {"ids": given.ids, "labels": given.labels.astype(np.int16)}
    kept |= {"probs": given.probs.astype(half), "neighbor_sims": near.sims.astype(half)}
    kept["neighbor_labels"] = near.labels.astype(np.int16)
    if given.logistic_probs is not None:
        kept["logistic_probs"] = given.logistic_probs.astype(half)
    return {f"{prefix}{name}": array for name, array in kept.items()}
