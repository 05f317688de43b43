"""Re-ranked rows: what a record keeps of them, and the answers that follow from it.

A re-ranked row is no training of its own: the record of the full model holds probabilities and
neighbours of every query, on test and on the held-out images where thresholds are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings, choose
from fgnb.ccfr.votes import asked
from fgnb.report import kinds
from fgnb.report.folds import named
from fgnb.report.page import Page
from fgnb.report.records import Record
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet

CODE = ("fgnb.ccfr.stages", "fgnb.ccfr.answers", "fgnb.ccfr.settings")
FIELDS = ("t_sf", "t_sc", "topn", "topm", "alpha", "beta", "gate")
ROWS = ("fusion", "fusion-margin-rank", "global")
"""Rows whose answers and neighbours are kept."""
_UNLABELLED, _UNLABELLED_SC = {"held-out": "mean-top1"}, {"held-out": "quantile"}
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


class Folds(NamedTuple):
    """Answers to test images, and those that thresholds are chosen on."""

    test: Answers
    held_out: Answers | None  # None: no labels but those of test, which no rule may read
    source: str  # where thresholds come from, in words

    def setting(self, p: Any) -> tuple[Settings, dict[str, Any]]:
        """The setting that the notebook's rules find, and how."""
        return chosen(self.test if self.held_out is None else self.held_out, p, self.labelled)

    @property
    def labelled(self) -> bool:
        """Whether thresholds may be searched by labels."""
        return self.held_out is not None


def folds(sheet: Sheet, row: str) -> Folds | None:
    """The answers of a row, and those to choose on; None where it holds no neighbours.

    A record of a whole set is a refit alone. Its thresholds are those of the same row on a part of
    the set, trained in the same regime; without one, of the images themselves, by rules that read
    no label.
    """
    test = answers(sheet.rows[row]) if row in sheet.rows else None
    if test is None:
        return None
    same = [s for s in sheet.others if s.set_name == sheet.set_name and s.regime == sheet.regime]
    for of in (sheet, *same):
        if row in of.rows and (held_out := answers(of.rows[row], "held_out_")):
            where = "its own training part" if of is sheet else of.origin.dataset_title
            return Folds(test, held_out, f"held-out images of {where}")
    return Folds(test, None, "the test images themselves, none of whose labels is read")


def base_settings(p: Any) -> Settings:
    """The parameters of equations 8 and 9 that a notebook was given, before any rule."""
    return Settings(**{name: getattr(p, name) for name in FIELDS if hasattr(p, name)})


def chosen(given: Answers, p: Any, labelled: bool = True) -> tuple[Settings, dict[str, Any]]:
    """The setting that the notebook's rules find on held-out images, and how.

    Without labels a search gives way to the rule that needs none.
    """
    t_sf, t_sc = p.t_sf_rule, getattr(p, "t_sc_rule", "fixed")
    if not labelled:
        t_sf, t_sc = _UNLABELLED.get(t_sf, t_sf), _UNLABELLED_SC.get(t_sc, t_sc)
    on = given.probs, given.neighbors, given.labels
    return choose(t_sf, *on, base_settings(p), t_sc_rule=t_sc)


def derive(sheet: Sheet, p: Any, row: str, name: str, retrieval: str = "retrieval") -> Folds | None:
    """Add re-ranked answers of a row as ``name``, and those of its retrieval; None without them."""
    found = folds(sheet, row)
    if found is not None:
        test, (settings, _) = found.test, found.setting(p)
        ranked = settings.predictions(test.probs, test.neighbors).astype(np.int16)
        sheet.derive(name, row, classes=ranked, **asked_arrays(test, settings, ranked))
        sheet.derive(retrieval, row, classes=test.neighbors.predictions().astype(np.int16))
    return found


def asked_arrays(test: Answers, settings: Settings, ranked: np.ndarray) -> dict[str, Any]:
    """Both thresholds, and by image: was it asked again, did anybody vote, did it change."""
    who = asked(test.probs, test.neighbors, settings)
    changed = np.asarray(ranked != test.probs.argmax(axis=1))
    return {**who._asdict(), "changed": changed, "t_sf": [settings.t_sf], "t_sc": [settings.t_sc]}


def asked_numbers(own: str, row: str, after: str, words: str = "") -> list[Number]:
    """How many answers were asked again, had voters, and changed: what a vote had to do with it."""
    return [
        Number(f"{own}.gated", f"Answers asked again, top-1 under T_sf{words}",
               kinds.many(f"{after}/gated")),
        Number(f"{own}.voters", f"Of these with a voter, over T_sc and of a topn class{words}",
               kinds.many(f"{after}/voters")),
        Number(f"{own}.changed", f"Answers changed{words}", kinds.many(f"{after}/changed")),
        Number(f"{own}.mended", f"Of these rectified{words}", kinds.rectified(after, row)),
        Number(f"{own}.lost", f"Of these spoiled{words}", kinds.spoiled(after, row)),
        Number(f"{own}.t-sf", f"T_sf in use{words}", kinds.exact(f"{after}/t_sf")),
        Number(f"{own}.t-sc", f"T_sc in use{words}", kinds.exact(f"{after}/t_sc")),
    ]  # fmt: skip


def sources(page: Page, rows: Sequence[str] = ROWS) -> Html:
    """Where the thresholds of each sheet's re-ranked rows come from, a line a row."""
    lines = []
    for sheet in page.sheets:
        for row in rows:
            if found := folds(sheet, row):
                settings, how = found.setting(page.p)
                told = f"T_sf {settings.t_sf:.3f} ({how['rule']})"
                told += f", T_sc {settings.t_sc:.3f} ({how['t_sc_rule']}), from {found.source}"
                lines.append(f"<li>{escape(f'{named(sheet)}, {row}: {told}')}.</li>")
    if not lines:
        return Html("<p class='fgnb-note'>No re-ranked row stands here yet.</p>")
    return Html(f"<ul class='fgnb-note'>{''.join(lines)}</ul>")


def _fold(given: Answers, prefix: str) -> dict[str, np.ndarray]:
    half = np.float16 if len(given.labels) > _MANY else np.float32
    near = given.neighbors
    kept = {"ids": given.ids, "labels": given.labels.astype(np.int16)}
    kept |= {"probs": given.probs.astype(half), "neighbor_sims": near.sims.astype(half)}
    kept["neighbor_labels"] = near.labels.astype(np.int16)
    if given.logistic_probs is not None:
        kept["logistic_probs"] = given.logistic_probs.astype(half)
    return {f"{prefix}{name}": array for name, array in kept.items()}
