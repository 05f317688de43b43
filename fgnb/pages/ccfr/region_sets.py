"""Section 4.5 of ccfr: the chosen regions on birds, cars and aircraft, and what they lie on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fgnb.data import ImageSet
from fgnb.data.frame import frames_of
from fgnb.report import kinds
from fgnb.report.coverage import CLAIMED, coverage, coverage_arrays
from fgnb.report.figures import Picture
from fgnb.report.layout import numbers_table
from fgnb.report.regions import Regions, spread
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/4-5-regions"
CODE = ("fgnb.metrics.coverage", "fgnb.data.frame", "fgnb.report.coverage")
ROW = "fusion-held-out"

# fmt: off
FIG7 = numbers_table("Fig. 7, counted", [
    Number("ccfr.text.shown-regions", "Boxes chosen an image", kinds.exact(f"{ROW}/count"),
           unit="count"),
    Number("ccfr.fig7", "Box centres on the object", kinds.mean_share(f"{ROW}/object")),
    Number("own.ccfr.fig7.object", "The same, over chance",
           kinds.excess(f"{ROW}/object", f"{ROW}/object_chance"),
           "Boxes sit on the object, over chance"),
    *(Number("ccfr.claim.boxes-sit-on-parts", f"Boxes on the {part}, over chance",
             kinds.excess(f"{ROW}/{part}", f"{ROW}/{part}_chance"),
             f"Boxes sit on the {part}, over chance") for part in CLAIMED),
], every_set=True)
THRESHOLDS = numbers_table("What T_sf is read off", [
    Number("ccfr.setting.t-sf.{set}", "Mean of the highest probability, held-out images",
           kinds.mean_top1("beside-birds/probs")),
], every_set=True)
# fmt: on
TABLES = (FIG7, THRESHOLDS)


def derive(shown: Sheet, p: Any) -> None:
    """Set aside the probabilities of cars and aircraft; the birds' T_sf is that of section 3.3."""
    probs = shown.array(f"{ROW}/probs")
    if probs is not None and shown.set_name != "cub":
        shown.derive("beside-birds", ROW, probs=probs)


def arrays(stage: Any, run: Any) -> dict[str, np.ndarray]:
    """What the row keeps of one set: boxes, what they lie on, and probabilities."""
    found = Regions.of(run)
    return {
        **{"ids": found.ids, "boxes": found.boxes, "scores": found.scores},
        "count": np.array([found.boxes.shape[1]], dtype=float),
        "probs": run.predictions["query_probs"],
        **coverage_arrays(coverage(stage.images, found, stage.anchors)),
    }


def objects_of(images: ImageSet, found: Regions) -> np.ndarray:
    """The object's annotated box of every query, in pixels of the frame, ``[Q, 4]``."""
    rows = images.rows_of(found.ids)
    frames = frames_of(images, rows, image_size=found.size, frame=found.framing)
    return np.asarray(frames.boxes(images.boxes[rows][:, None])[:, 0])


def rows_of_sets(sets: Sequence[ImageSet], found: Sequence[Regions], count: int = 6) -> Picture:
    """Fig. 7: a row a set, held-out pictures of different places in its order."""
    both = zip(sets, found, strict=True)
    return spread([(images.name.replace("-", "\n"), images, own) for images, own in both], count)
