"""Regions of a picture, zoomed to a size of their own, for the extractor that sees the whole.

A region is cut from a larger copy of the picture (``source``), so that zooming shows what the
whole image at the network's input size does not. The larger copies are kept as bytes in the run
store (0.6 MB each at 448 px), decoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from fgnb import progress, store
from fgnb.data import ImageSet, load_rgb
from fgnb.data.frame import Frame
from fgnb.data.transforms import InputInfo, eval_transform
from fgnb.nn.cache import stored_folder
from fgnb.nn.regions import crop_and_resize

CHUNK = 64


@dataclass(frozen=True)
class PicturesSpec:
    """What a set of kept pictures depends on."""

    images: str
    size: int
    frame: Frame
    interpolation: str
    pillow: str


def source_pictures(
    images: ImageSet,
    info: InputInfo,
    *,
    size: int,
    frame: Frame,
    threads: int = 2,
    root: Path | None = None,
) -> np.ndarray:
    """Every picture in its frame at ``size`` px: uint8 memory map ``[N, 3, size, size]``.

    `eval_transform` shows the same at any other size, but for rounding: a box of the network's
    input, times ``size / image_size``, is the same region here.

    Raises:
        DataError: a damaged picture, named.
    """
    spec = PicturesSpec(images.fingerprint, size, frame, info.interpolation, version("pillow"))
    described = {**asdict(spec), "code": store.code_digest(["fgnb.nn.zoom"])}
    transform = eval_transform(size, info, frame=frame)

    def read(row: int) -> np.ndarray:
        return np.asarray(transform.framed(load_rgb(images.path(row)))).transpose(2, 0, 1)

    def build(work: Path) -> None:
        shape = (len(images), 3, size, size)
        array = np.lib.format.open_memmap(work / "pictures.npy", "w+", np.uint8, shape)
        with ThreadPoolExecutor(threads) as pool:
            starts = range(0, len(images), CHUNK)
            for start in progress.track(starts, "picture", len(images), size=CHUNK):
                rows = range(start, min(start + CHUNK, len(images)))
                array[start : rows.stop] = np.stack(list(pool.map(read, rows)))
        array.flush()

    folder = stored_folder("pictures", described, build, root)
    return np.load(folder / "pictures.npy", mmap_mode="r")


def zoom(sources: Tensor, boxes: Tensor, *, image_size: int, size: int, info: InputInfo) -> Tensor:
    """Cut ``boxes`` out of ``sources`` and bring each to the network's input.

    Args:
        sources: ``Tensor[B, 3, S, S]``; bytes, or float where already normalised.
        boxes: ``Tensor[B, K, 4]`` in pixels of the frame of side ``image_size``.
        image_size: side of that frame.
        size: side of a zoomed region, pixels.
        info: mean and std that bytes are normalised by.

    Returns:
        float32 ``Tensor[B * K, 3, size, size]``, the regions of one image together. Outside the
        picture lies the mean colour, zero after normalisation.
    """
    side = sources.shape[-1]
    boxes = boxes * (side / image_size)
    beyond = bool((boxes < 0).any() or (boxes > side).any())
    if sources.dtype == torch.uint8 and beyond:  # zeros outside are to be the mean colour
        sources = normalise(sources, info.mean, info.std)
    crops = crop_and_resize(sources, boxes, size)
    if sources.dtype == torch.uint8:
        crops = normalise(crops, info.mean, info.std)
    return crops.contiguous(memory_format=torch.channels_last)


def normalise(pictures: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """``(x / 255 - mean) / std`` of pictures ``Tensor[B, 3, H, W]`` with values from 0 to 255."""
    return F.normalize(pictures.float() / 255, list(mean), list(std))
