"""Control boxes of an image set: scores of a rule for any batch, mirrored and moved with its views.

A stage with regions takes these scores in place of its own and chooses from them by its own
suppression, so that a control differs from the method in nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb.baselines.placed import centre_scores, oracle_scores, random_scores
from fgnb.data import ImageSet
from fgnb.data.frame import Frame, frames_of
from fgnb.nn.regions import Anchors
from fgnb.nn.zoomed import ZoomedBatch

KINDS = ("random", "centre", "oracle")
"""Anywhere, drawn anew in each training step; nearest the centre; on the true key points."""


class Placement(nn.Module):
    """Scores of all anchors by a rule that no network learnt.

    Args:
        kind: of `KINDS`.
        anchors: A candidate boxes.
        images: the set; ``oracle`` needs its key points.
        image_size: side of the frame, pixels.
        frame: how a picture becomes a square.
        seed: of ``random``.

    Raises:
        ValueError: another kind, or ``oracle`` on a set without key points.
    """

    scores: Tensor | None

    def __init__(
        self,
        kind: str,
        anchors: Anchors,
        images: ImageSet,
        *,
        image_size: int,
        frame: Frame,
        seed: int,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"boxes is {kind!r}; it is one of {', '.join(KINDS)}")
        self.kind, self.image_size = kind, image_size
        self.count = len(anchors)
        self._anchors = {torch.device("cpu"): anchors}
        scores = points = visible = None
        if kind == "random":
            scores = random_scores(anchors, images.ids, seed)
        elif kind == "centre":
            scores = centre_scores(anchors)
        else:
            if not images.parts.shape[1]:
                raise ValueError(f"boxes is 'oracle', but {images.title} has no key points")
            places = frames_of(images, range(len(images)), image_size=image_size, frame=frame)
            points = torch.from_numpy(places.points(images.parts).astype(np.float32))
            visible = torch.from_numpy(np.array(images.visible))
        for name, value in (("scores", scores), ("points", points), ("visible", visible)):
            self.register_buffer(name, value, persistent=False)

    @classmethod
    def of(cls, images: ImageSet, anchors: Anchors, spec: Any) -> Placement | None:
        """What places the boxes of a stage; None where ``spec.boxes`` is none of `KINDS`.

        Args:
            images: the stage's set.
            anchors: its candidate boxes.
            spec: with boxes, image_size, framing and seed.
        """
        if spec.boxes not in KINDS:
            return None
        size, frame = spec.image_size, spec.framing
        return cls(spec.boxes, anchors, images, image_size=size, frame=frame, seed=spec.seed)

    def forward(self, batch: ZoomedBatch) -> Tensor:
        """Scores ``Tensor[B, A]`` of a batch.

        In training ``random`` comes from PyTorch's random state, which `fgnb.training.fit` sets
        for each step; in evaluation an image always has the same ones.
        """
        images = len(batch.rows)
        if self.kind == "random" and self.training:
            return torch.rand(images, self.count, device=batch.rows.device)
        if self.scores is not None:
            return (
                self.scores.expand(images, -1) if self.scores.ndim == 1 else self.scores[batch.rows]
            )
        points, visible = self._seen(batch)
        return oracle_scores(self._on(points.device), points, visible)

    def _seen(self, batch: ZoomedBatch) -> tuple[Tensor, Tensor]:
        """Key points ``Tensor[B, P, 2]`` as the batch's views show them, and which are in them."""
        points, visible = self.get_buffer("points")[batch.rows], self.get_buffer("visible")
        points, side = points - batch.views[:, None, :2], float(self.image_size)
        across = torch.where(batch.views[:, 2:] > 0, side - points[..., 0], points[..., 0])
        points = torch.stack([across, points[..., 1]], dim=2)
        inside = ((points >= 0) & (points <= side)).all(dim=2)
        return points, visible[batch.rows] & inside

    def _on(self, device: torch.device) -> Anchors:
        if device not in self._anchors:
            self._anchors[device] = self._anchors[torch.device("cpu")].to(device)
        return self._anchors[device]
