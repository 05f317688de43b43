"""The rules that are compared: each gives every candidate box a score, suppression does the rest.

All choose among the same boxes with the same overlap allowed, so they differ in their scores
alone. Rules under ``taught`` learn from labels; those under ``told`` read annotations of the very
image, at test too: marks to measure by, not methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.baselines.placed import centre_scores, on_object, oracle_scores, random_scores
from fgnb.data import ImageSet
from fgnb.data.frame import frames_of
from fgnb.evidence.candidates import Candidates, CandidateSpec
from fgnb.evidence.split import Fit
from fgnb.evidence.taught import Taught
from fgnb.focus.attention import attention_map
from fgnb.nn.regions import greedy_nms

COUNT = 4
"""K, boxes that a classifier sees; focus and NTS join four, ccfr two of each of two scales."""
IOU = 0.25
"""Overlap above which a box closes another: stated by focus, ccfr and the code of NTS."""
_AT_ONCE = 512


@dataclass(frozen=True)
class Rule:
    """How boxes are chosen.

    Attributes:
        anew: whether boxes are drawn anew for each fit; else an image has the same in all.
        count: boxes an image; 0 for none, None for all.
        apart: whether a box closes those that overlap it.
        scorer: scorer and lesson, of `fgnb.evidence.scorers`; empty where none is trained.
    """

    anew: bool = False
    count: int | None = COUNT
    apart: bool = True
    scorer: tuple[str, str] | tuple[()] = ()


WHOLE, EVERY = "whole", "every-box"
RULES = {
    WHOLE: Rule(count=0),
    "maximum-map": Rule(),
    "single-map": Rule(),
    "pyramid-none": Rule(scorer=("pyramid", "warm-up")),
    "pyramid-margin-rank": Rule(scorer=("pyramid", "margin-rank")),
    "pyramid-gate": Rule(scorer=("pyramid", "gate")),
    "nts": Rule(scorer=("nts", "own-best")),
    "random-overlapping": Rule(anew=True, apart=False),
    "random": Rule(anew=True),
    "random-on-object": Rule(anew=True),
    "centre": Rule(),
    "random-five": Rule(anew=True, count=COUNT + 1),
    "five-crops": Rule(count=COUNT + 1, apart=False),
    "oracle": Rule(),
    EVERY: Rule(count=None),
}
TAUGHT = ("maximum-map", "single-map", *(name for name, rule in RULES.items() if rule.scorer))
TOLD = ("random-on-object", "oracle")


@dataclass(frozen=True, eq=False)
class Chooser:
    """Every rule on one set.

    Attributes:
        images: the set.
        found: its features and boxes.
        spec: of the features.
        taught: what labels taught on one half.
        scorer_scores: ``(scorer, lesson)`` -> scores of all boxes, ``[N, A]``.
        sigma: width of the Gaussian over a class map, in cells.
    """

    images: ImageSet
    found: Candidates
    spec: CandidateSpec
    taught: Taught
    scorer_scores: Callable[[str, str], NDArray[np.float32]]
    sigma: float

    def places(self, name: str, fit: Fit, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The boxes of some images under a rule, best first: ``[n, K]``."""
        rule, anchors = RULES[name], self.found.anchors
        if rule.count == 0:
            return np.empty((len(rows), 0), np.int64)
        if rule.count is None:
            return np.tile(np.arange(len(anchors)), (len(rows), 1))
        if name == "five-crops":
            return np.tile(_five(self.spec.cells), (len(rows), 1))
        scores = self.scores(name, fit, rows)
        if rule.apart:
            return greedy_nms(scores, anchors.overlap, count=rule.count, iou=IOU).numpy()
        return scores.topk(rule.count, dim=1).indices.numpy()

    def scores(self, name: str, fit: Fit, rows: NDArray[np.int64]) -> Tensor:
        """What a rule says of every box of some images, ``Tensor[n, A]``.

        Raises:
            ValueError: a rule that gives no scores.
        """
        anchors, rule = self.found.anchors, RULES[name]
        if rule.scorer:
            return torch.from_numpy(self.scorer_scores(*rule.scorer)[rows])
        if name in ("maximum-map", "single-map"):
            return self._class_map("max" if name == "maximum-map" else "predicted", rows)
        if name == "centre":
            return centre_scores(anchors).expand(len(rows), -1)
        if name == "oracle":
            points, seen = self.points
            return oracle_scores(
                anchors, torch.from_numpy(points[rows]), torch.from_numpy(seen[rows])
            )
        if name.startswith("random"):
            drawn = random_scores(anchors, self.images.ids[rows], fit.seed, fit.number)
            if name != "random-on-object":
                return drawn
            return on_object(anchors, drawn, torch.from_numpy(self.objects[rows]))
        raise ValueError(f"the rule {name!r} gives no scores")

    @cached_property
    def points(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Key points in pixels of the frame ``[N, P, 2]``, and which of them it shows."""
        frames = frames_of(self.images, np.arange(len(self.images)), **self._frame)
        points = frames.points(self.images.parts)
        return points, self.images.visible & frames.inside(points)

    @cached_property
    def objects(self) -> NDArray[np.float64]:
        """The box of each image's object in pixels of the frame, ``[N, 4]``."""
        frames = frames_of(self.images, np.arange(len(self.images)), **self._frame)
        return frames.boxes(self.images.boxes[:, None])[:, 0]

    @property
    def _frame(self) -> dict[str, Any]:
        return {"image_size": self.spec.image_size, "frame": self.spec.framing}

    def _class_map(self, reduce: str, rows: NDArray[np.int64]) -> Tensor:
        """Equation 2 of focus, by the classifier of wholes, without its bias."""
        side, weight = self.spec.cells, torch.from_numpy(self.taught.whole.weight)
        parts = []
        for start in range(0, len(rows), _AT_ONCE):
            cells = torch.from_numpy(self.found.cells[rows[start : start + _AT_ONCE]]).float()
            maps = cells.transpose(1, 2).unflatten(2, (side, side))
            parts.append(attention_map(maps, weight, sigma=self.sigma, reduce=reduce).flatten(1))
        return torch.cat(parts)


def _five(cells: int) -> NDArray[np.int64]:
    """The boxes of the four corners and of the centre (of two central cells, the first)."""
    last, middle = cells * cells - 1, (cells - 1) // 2
    return np.array([0, cells - 1, last - cells + 1, last, middle * cells + middle])
