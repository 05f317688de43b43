"""A trained localiser as a function of one photograph: points, visibility, part boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fgnb.data import PART_NAMES, load_rgb, part_boxes
from fgnb.data.depth import to_rgb
from fgnb.data.frame import Frames
from fgnb.data.limits import check_aspect, check_pixels
from fgnb.data.transforms import eval_transform
from fgnb.nn.device import device
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.weights import weights_info
from fgnb.pose.decode import decode
from fgnb.pose.field import influence
from fgnb.pose.flips import symmetric_scores
from fgnb.pose.localiser_stage import LocaliserModule, localiser_of
from fgnb.pose.spec import LocaliserSpec
from fgnb.training import Run
from fgnb.training.run import open_run

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Pose:
    """What was found in one photograph.

    Attributes:
        points: float64 ``[15, 2]``, (x, y) in continuous pixels of the photograph, in the order of
            `names`; also of what is taken to be hidden.
        visible: bool ``[15]``.
        scores: float32 ``[15]``, the probability that each is visible.
        parts: boxes of head and body around the visible points, ``[4]`` as (min x, min y, max x,
            max y); None where two or fewer of a part's points are visible.
        maps: float32 ``[15, h, w]``, the score maps after the sigmoid, over the network's input.
        names: the 15 parts.
    """

    points: NDArray[np.float64]
    visible: NDArray[np.bool_]
    scores: NDArray[np.float32]
    parts: dict[str, Any]
    maps: NDArray[np.float32]
    names: tuple[str, ...] = PART_NAMES


class Keypoints:
    """``Keypoints.load(run)(image)``: what a run of ``pose/localiser`` finds in a photograph."""

    def __init__(self, module: LocaliserModule) -> None:
        self.module, self.spec = module.eval().to(device()), module.spec
        info = weights_info(self.spec.backbone, "random")  # of the input, whatever the weights
        self.transform = eval_transform(self.spec.image_size, info, frame=self.spec.framing)

    @classmethod
    def load(cls, run: Run | str | Path) -> Keypoints:
        """The localiser of a run, of `fgnb.training.fit`, or of its folder in the store.

        Raises:
            ValueError: a run of another stage, or a folder that holds none.
        """
        if not isinstance(run, Run):
            folder = Path(run)
            if not (folder / "spec.json").is_file():
                raise ValueError(f"run is {folder.name}, a folder without a run: no spec.json")
            run = open_run(folder, reused=True)
        if not run.stage.startswith("pose/localiser"):
            raise ValueError(f"run is of {run.stage}, needs one of pose/localiser")
        spec = LocaliserSpec(**run.spec)
        backbone = seeded_backbone(spec.backbone, "random", cut=spec.cut, seed=spec.seed)
        module = LocaliserModule(localiser_of(backbone, spec), spec, 1)
        run.load_weights(module)
        return cls(module)

    @torch.inference_mode()
    def __call__(
        self,
        image: str | Path | Image.Image,
        *,
        refine: bool = True,
        symmetric: bool = False,
        threshold: float = THRESHOLD,
    ) -> Pose:
        """Find the keypoints of one bird.

        Args:
            image: a file, read as `fgnb.data.load_rgb` reads it, or a PIL image of 8 bits
                a channel.
            refine: move the arg-max inside its cell (`fgnb.pose.decode.refine`).
            symmetric: average with the mirrored photograph's maps.
            threshold: probability from which a keypoint counts as visible.

        Raises:
            DataError: a file that is missing, damaged or no image; the message names it.
            ValueError: no image at all, one too large or too thin, a threshold out of range.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}, needs a number from 0 to 1")
        picture, spec = _picture(image), self.spec
        inputs = self.transform(picture)[None].to(device())
        score, grid = self.module.model, spec.cells
        if symmetric:
            maps = symmetric_scores(score, inputs, grid, image_size=spec.image_size)
        else:
            maps = score(inputs)
        cells, refined, scores = (part.cpu() for part in decode(maps))
        size = spec.image_size
        frames = Frames.of_sizes([picture.size], image_size=size, frame=spec.framing)
        points = frames.points_back(grid.pixels(refined if refine else cells))[0]
        visible = scores[0].numpy() >= threshold
        boxes = part_boxes(points, visible)
        return Pose(points, visible, scores[0].numpy(), boxes, maps[0].sigmoid().cpu().numpy())

    def influence(
        self, image: str | Path | Image.Image, part: str
    ) -> tuple[torch.Tensor, tuple[float, float]]:
        """How strongly each pixel moves the highest score of a part: `fgnb.pose.field.influence`.

        Args:
            image: as of a call.
            part: one of `fgnb.data.PART_NAMES`.

        Returns:
            ``Tensor[S, S]`` over the network's input, and that score's place there, (x, y).
        """
        if part not in PART_NAMES:
            raise ValueError(f"part is {part!r}; it is one of {', '.join(PART_NAMES)}")
        inputs, place = self.transform(_picture(image)).to(device()), PART_NAMES.index(part)
        with torch.no_grad():
            cell = decode(self.module.model(inputs[None])).cells[0, place].cpu()
        column, row = cell.tolist()
        strength = influence(self.module.model, inputs, place, (column, row))
        x, y = self.spec.cells.pixels(cell).tolist()
        return strength, (x, y)


def _picture(image: Any) -> Image.Image:
    if isinstance(image, str | Path):
        return load_rgb(image)
    if not isinstance(image, Image.Image):
        raise ValueError(f"image is a {type(image).__name__}, needs a file or a PIL image")
    check_pixels(*image.size)
    check_aspect(*image.size)
    return to_rgb(image)
