"""Section 3.1 of ccfr: the multi-level loss, its super classes (Fig. 3), and what either adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from fgnb import ccfr
from fgnb.ccfr.multilevel import CHILDREN
from fgnb.data import ImageSet
from fgnb.pages.ccfr.hard_instances import ROW, HeldOutAnswers, genera
from fgnb.report import kinds
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/3-1-multi-level-loss"
CODE = ("fgnb.ccfr.multilevel_stage",)
PLAIN, MULTI, PLAIN_HELD, MULTI_HELD = "plain", "multi-level", ROW, "multi-level-held-out"
ROWS = (PLAIN, MULTI, PLAIN_HELD, MULTI_HELD)
LEVELS = ("n_parents", "parent_weight", "children", "clustering")

OWN, FOUND = "own.ccfr.multi-level", f"{MULTI}/parents"
CELLS = "ccfr.table3.multi-level", "ccfr.table3.plain"
LABELS = "Multi-level loss", "Cross-entropy alone"
INSIDE = "errors/inside", "errors/by_chance"
STEP = Number(f"{OWN}.step", ", minus: ".join(LABELS), kinds.difference(MULTI, PLAIN),
              "The multi-level loss helps", published=CELLS)  # fmt: skip
TABLE = Table(
    "Table 3, its first two rows",
    tuple(
        Line(Number(f"{OWN}.{name}", LABELS[i], kinds.accuracy(row), published=(CELLS[i],)), step)
        for i, name, row, step in ((1, "cross-entropy", PLAIN, None), (0, MULTI, MULTI, STEP))
    ),
)
GROUPS = numbers_table(
    "Do super classes hold look-alikes?",
    [
        Number("ccfr.fig3", "Super classes found", kinds.distinct(FOUND)),
        Number("ccfr.claim.clusters-group-look-alikes",
               "Agreement with the kinds that names tell (adjusted Rand index)",
               kinds.agreement(FOUND, f"{MULTI}/genera"),
               "Super classes are the kinds that names tell (adjusted Rand index)"),
        Number(f"{OWN}.ward", "Agreement with a Ward tree cut into as many (adjusted Rand index)",
               kinds.agreement(FOUND, f"{MULTI}/ward")),
        Number(f"{OWN}.super-class", "Super class, answered by its own head, test images",
               kinds.accuracy("super-class")),
        Number(f"{OWN}.errors-inside", "Held-out errors inside a super class",
               kinds.share(INSIDE[0])),
        Number(f"{OWN}.errors-inside-excess", "The same, over random wrong answers",
               kinds.excess(*INSIDE), "Errors stay inside a super class"),
    ],
)  # fmt: skip
HINGE = numbers_table(
    "How often equation 3 is over zero, held-out images",
    [
        Number(f"{OWN}.fires-mean", "Equation 3 fires, mean of the children",
               kinds.share(f"{MULTI_HELD}/fires_mean"), "Equation 3 fires after training"),
        Number(f"{OWN}.fires-sum", "Equation 3 fires, sum of the children",
               kinds.share(f"{MULTI_HELD}/fires_sum")),
        Number("ccfr.setting.lambda", "λ of equation 4", kinds.exact(f"{MULTI}/@parent_weight")),
    ],
)  # fmt: skip
TABLES = (TABLE, GROUPS, HINGE)


def arrays(images: ImageSet, runs: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """What runs of `ROWS` keep besides their answers; `MULTI` needs `PLAIN` beside it.

    Raises:
        ValueError: two runs of one fold that answer different images.
    """
    kept = {row: run.predictions for row, run in runs.items()}
    for pair in ((PLAIN, MULTI), (PLAIN_HELD, MULTI_HELD)):
        ids = [kept[row]["query_ids"] for row in pair if row in kept]
        if not all(np.array_equal(ids[0], others) for others in ids):
            raise ValueError(f"{' and '.join(pair)} answer different images")
    found = {
        row: {
            "parents": kept[row]["parents"].astype(np.int16),
            "parent_classes": kept[row]["query_parent_probs"].argmax(axis=1).astype(np.int16),
            **{f"fires_{reading}": fires(kept[row], reading) for reading in CHILDREN},
        }
        for row in (MULTI, MULTI_HELD)
        if row in kept
    }
    if MULTI in kept:
        of = kept[PLAIN]
        links = linkage(ccfr.class_means(of["database_embedding"], of["database_labels"]), "ward")
        tree = fcluster(links, int(kept[MULTI]["parents"].max()) + 1, "maxclust")
        found[MULTI] |= {"genera": np.array(genera(images)), "ward": tree}
    if PLAIN_HELD in kept:
        found[PLAIN_HELD] = HeldOutAnswers.of(images, runs[PLAIN_HELD]).arrays()
    return found


def fires(predictions: Mapping[str, np.ndarray], children: str) -> np.ndarray:
    """``bool[Q]``: where equation 3 is over 0 for the picture's own super class."""
    of = {name: torch.from_numpy(values) for name, values in predictions.items()}
    own = of["parents"][of["query_labels"]]
    over = ccfr.hinge(of["query_probs"], of["query_parent_probs"], of["parents"], children)
    return np.asarray(over.gather(1, own[:, None])[:, 0].numpy() > 0)


def derive(sheet: Sheet, p: Any) -> None:
    """Add ``super-class``, the second head's answers, and ``errors``, an entry a wrong answer.

    ``inside``: is the answer of cross-entropy in the true class's super class; ``by_chance``: how
    likely a random wrong class is.
    """
    own = {name: sheet.rows[name].arrays for name in ROWS if name in sheet.rows}
    if "parents" in own.get(MULTI, {}):
        labels = own[MULTI]["parents"][own[MULTI]["labels"]]
        sheet.derive("super-class", MULTI, labels=labels, classes=own[MULTI]["parent_classes"])
    if PLAIN_HELD in own and "parents" in own.get(MULTI_HELD, {}):
        of, parents = own[PLAIN_HELD], own[MULTI_HELD]["parents"]
        wrong = of["classes"] != of["labels"]
        true, answered = (parents[of[name][wrong]] for name in ("labels", "classes"))
        chance = (np.bincount(parents)[true] - 1) / max(len(parents) - 1, 1)
        sheet.derive("errors", PLAIN_HELD, inside=answered == true, by_chance=chance)
