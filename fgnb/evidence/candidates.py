"""Features of a grid of candidate boxes, of frozen weights: computed once, kept in the run store.

Whatever chooses regions then chooses rows of one array, and a comparison of rules is linear algebra
on it. A set is computed in parts, each kept by itself, so that a stop costs one part.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fgnb import progress, store
from fgnb.data import ImageSet, load_rgb
from fgnb.data.frame import Frame
from fgnb.data.transforms import eval_transform
from fgnb.nn.backbones import NO_CUT, Backbone, global_pool
from fgnb.nn.cache import stored_folder
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.regions import Anchors, Level
from fgnb.nn.zoom import zoom
from fgnb.training.environment import device
from fgnb.training.settings import deterministic

PART, BATCH = 128, 8
_ARRAYS = ("whole", "cells", "regions")


@dataclass(frozen=True)
class CandidateSpec:
    """What the features depend on, but for pictures and code.

    Attributes:
        backbone, weights_tag, weights_sha256: the frozen network.
        image_size: side of the whole, pixels.
        source_size: side of the picture that boxes are cut from.
        crop_size: side of a zoomed box.
        frame, crop_ratio: of `fgnb.data.frame.Frame`.
        cells: boxes along a side; A is its square.
        box_size: side of a box, pixels of the whole; one over the border is moved inside.
        seed: of random weights; 0 with others.
        threads: of the CPU.
    """

    backbone: str
    weights_tag: str
    weights_sha256: str
    image_size: int
    source_size: int
    crop_size: int
    frame: str
    crop_ratio: float
    cells: int
    box_size: float
    seed: int
    threads: int

    def __post_init__(self) -> None:
        if self.cells < 1 or self.image_size % self.cells:
            raise ValueError(
                f"cells is {self.cells}, needs a divisor of image_size, {self.image_size}"
            )

    @property
    def framing(self) -> Frame:
        """How a picture becomes a square."""
        return Frame(self.frame, self.crop_ratio)

    @property
    def anchors(self) -> Anchors:
        """A box round the centre of every cell, rows first."""
        level = Level(self.image_size // self.cells, self.box_size)
        return Anchors.pyramid(self.image_size, [level], border="shift")


@dataclass(frozen=True)
class Candidates:
    """Features of N images and of A boxes on each, in the order of the image set.

    Attributes:
        whole: float32 ``[N, D]``, the pooled last map of the whole.
        cells: float16 ``[N, A, D]``, that map itself, its cells brought to one a box.
        regions: float16 ``[N, A, D]``, the pooled last map of each zoomed box.
        anchors: the boxes, pixels of the whole.
        seconds: what computing all of it took, whenever that was.
    """

    whole: np.ndarray
    cells: np.ndarray
    regions: np.ndarray
    anchors: Anchors
    seconds: float


def candidates(
    images: ImageSet, weights: str, spec: CandidateSpec, root: Path | None = None
) -> Candidates:
    """The features of every picture, from the store or computed now.

    Args:
        images: the set.
        weights: ``imagenet``, ``random`` or a file; ``spec`` has its hash.
        spec: network, sizes and grid.
        root: the store; by default `fgnb.paths.runs_root`.

    Raises:
        DataError: a damaged picture, named.
        WeightsError: weights that can't be had.
    """
    described = {
        **asdict(spec),
        "images": images.fingerprint,
        "code": store.code_digest(["fgnb.evidence.candidates"]),
        "versions": {name: version(name) for name in ("timm", "pillow", "torch")},
    }
    made: dict[str, list[np.ndarray]] = {n: [] for n in (*_ARRAYS, "seconds")}
    network: list[Backbone] = []
    for start in progress.track(range(0, len(images), PART), "picture", len(images), size=PART):
        rows = range(start, min(start + PART, len(images)))

        def build(work: Path, rows: range = rows) -> None:
            if not network:
                own = seeded_backbone(spec.backbone, weights, cut=NO_CUT, seed=spec.seed)
                network.append(own.eval().to(memory_format=torch.channels_last))  # type: ignore[call-overload]
            began = time.monotonic()
            with deterministic(spec.threads), torch.inference_mode():
                found = _features(images, network[0].to(device()), spec, rows)
            found["seconds"] = np.array([time.monotonic() - began])
            for name, array in found.items():
                np.save(work / f"{name}.npy", array)

        part = {**described, "rows": [rows.start, rows.stop]}
        folder = stored_folder("region-features", part, build, root)
        for name, parts in made.items():
            parts.append(np.load(folder / f"{name}.npy"))
    seconds = float(np.concatenate(made.pop("seconds")).sum())
    arrays = {name: np.concatenate(parts) for name, parts in made.items()}
    return Candidates(**arrays, anchors=spec.anchors, seconds=seconds)


def _features(
    images: ImageSet, network: Backbone, spec: CandidateSpec, rows: range
) -> dict[str, np.ndarray]:
    """Arrays of some images, see `Candidates`."""
    made: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    boxes, info = spec.anchors.boxes.to(device()), network.info
    for wholes, sources in _pictures(images, network, spec, rows):
        last = network(wholes.contiguous(memory_format=torch.channels_last))
        cells = F.adaptive_avg_pool2d(last, spec.cells)
        crops = zoom(
            sources,
            boxes.expand(len(sources), -1, -1),
            image_size=spec.image_size,
            size=spec.crop_size,
            info=info,
        )
        regions = global_pool(network(crops)).unflatten(0, (len(sources), len(boxes)))
        made["whole"].append(global_pool(last).cpu().numpy())
        made["cells"].append(cells.flatten(2).transpose(1, 2).half().cpu().numpy())
        made["regions"].append(regions.half().cpu().numpy())
    return {name: np.concatenate(arrays) for name, arrays in made.items()}


def _pictures(
    images: ImageSet, network: Backbone, spec: CandidateSpec, rows: range
) -> Iterator[tuple[Tensor, Tensor]]:
    """A few pictures at a time, read ahead: wholes, normalised, and sources as bytes."""
    whole = eval_transform(spec.image_size, network.info, frame=spec.framing)
    source = eval_transform(spec.source_size, network.info, frame=spec.framing)

    def read(start: int) -> tuple[Tensor, Tensor]:
        pictures = [load_rgb(images.path(row)) for row in rows[start - rows.start :][:BATCH]]
        framed = [np.asarray(source.framed(p)).transpose(2, 0, 1) for p in pictures]
        sources = torch.from_numpy(np.stack(framed))
        return torch.stack([whole(p) for p in pictures]).to(device()), sources.to(device())

    starts = list(range(rows.start, rows.stop, BATCH))
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(read, start) for start in starts[:2]]
        for place in range(len(starts)):
            current = ahead.pop(0).result()
            if place + 2 < len(starts):
                ahead.append(pool.submit(read, starts[place + 2]))
            yield current
