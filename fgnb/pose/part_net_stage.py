"""The stage ``pose/part-net``: a network tuned on crops of the head, or of the body (section 3.6).

It is the plain backbone on another image set: the crops at the keypoints that the localiser finds,
in training as at test.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from fgnb import training
from fgnb.baselines.plain import PlainInputs, PlainModule, PlainStage
from fgnb.baselines.start import check_start
from fgnb.data import ImageSet
from fgnb.pose.found import found_points
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.part_crops import crops
from fgnb.pose.part_spec import PartNetSpec


class PartNetStage:
    """A part's network as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set, with 15 parts.
        spec: what the weights depend on.
        weights: ``imagenet``, ``random`` or a file.
        name: ``pose/part-net``.
        localiser: whose run says where keypoints are, on the same pictures and fold.
        workers: processes that read and augment pictures.

    Attributes:
        uncut: the same recipe on whole pictures, which has the same fold, batches and cost.

    Raises:
        ValueError: a localiser that the spec doesn't name, or one of another fold.
    """

    modules: tuple[str, ...] = ("fgnb.pose.part_net_stage",)

    def __init__(
        self,
        images: ImageSet,
        spec: PartNetSpec,
        weights: str,
        name: str,
        *,
        localiser: LocaliserStage,
        workers: int = 0,
    ) -> None:
        check_start(localiser, spec, "localiser")
        for field in ("fold", "fold_seed"):
            own, other = getattr(spec, field), getattr(localiser.spec, field)
            if own != other:
                raise ValueError(f"{field} is {own!r}, and the localiser's is {other!r}")
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.localiser, self.workers = localiser, workers
        self.data_fingerprint = images.fingerprint
        self.uncut = PlainStage(images, spec, weights, name, workers=workers)
        self.train_index, self.query_index = self.uncut.train_index, self.uncut.query_index

    @cached_property
    def crops(self) -> ImageSet:
        """What the network sees: the localiser's run is found or trained first."""
        spec, run = self.spec, training.identity(self.localiser).key
        return crops(
            self.images,
            lambda: found_points(self.localiser),
            run,
            part=spec.part,
            margin=spec.margin,
        )

    @cached_property
    def network(self) -> PlainStage:
        """The plain backbone on the crops."""
        return PlainStage(self.crops, self.spec, self.weights, self.name, workers=self.workers)

    def data(self) -> training.TrainingData:
        """The plain stage's batches; nothing is cut out before the first one is read."""
        return replace(self.uncut.data(), dataset=_Crops(self))

    def module(self) -> PlainModule:
        """The pretrained backbone, its head a logistic regression on features of the crops."""
        return self.network.module()

    def finish(self, module: PlainModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``."""
        self.network.finish(module)

    def validate(self, module: PlainModule) -> dict[str, float]:
        """Held-out figures; nothing where test would be read."""
        return self.network.validate(module)

    def predict(self, module: PlainModule) -> dict[str, np.ndarray]:
        """The keys of `fgnb.baselines.plain.PlainStage.predict`, and ``query_crops[Q, 4]``.

        The latter are the boxes that were cut out, (x1, y1, x2, y2) in pixels of the picture.
        """
        boxes = np.load(self.crops.root / "boxes.npy")[self.query_index]
        return self.network.predict(module) | {"query_crops": boxes}


class _Crops:
    """Training samples by ``(epoch, index)``, of crops that are cut when the first is asked for."""

    def __init__(self, stage: PartNetStage) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return len(self.stage.train_index)

    def __getitem__(self, position: tuple[int, int]) -> Any:
        return PlainInputs(self.stage.network)[position]
