"""Head and body cut out of every picture, at keypoints (section 3.6).

The box of a part is the tight one around its keypoints, as Part R-CNN's are (`fgnb.data.parts`),
with a margin where one is asked for. A predicted keypoint has a place wherever the bird hides it,
so all of a part's keypoints count.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgnb import progress, store
from fgnb.data import PART_NAMES, ImageSet, load_rgb
from fgnb.data.parts import BODY_PARTS, HEAD_PARTS
from fgnb.nn.cache import stored_folder

PARTS = {"head": HEAD_PARTS, "body": BODY_PARTS}
LEAST = 16
"""Pixels of a crop's side: where keypoints coincide it is widened to this, about its centre."""
_FASTEST = 1
"""Of PNG's compression: crops are read many times and are small."""


def crop_boxes(
    points: ArrayLike, sizes: ArrayLike, part: str, margin: float = 0.0
) -> NDArray[np.int64]:
    """The box of a part in whole pixels, inside the picture.

    Args:
        points: ``[N, 15, 2]``, (x, y) in pixels, in the order of CUB's parts.txt.
        sizes: ``[N, 2]``, width and height of each picture.
        part: ``head`` or ``body``.
        margin: added at each side, as a share of the box's own side.

    Returns:
        ``[N, 4]`` as (x1, y1, x2, y2): columns from x1 up to x2 without it, rows likewise.

    Raises:
        ValueError: another part, a negative margin, or points that are not finite.
    """
    check(part, margin)
    xy, most = np.asarray(points, np.float64), np.asarray(sizes, np.float64)
    if xy.ndim != 3 or xy.shape[1:] != (len(PART_NAMES), 2) or most.shape != (len(xy), 2):
        raise ValueError(
            f"points and sizes have shapes {xy.shape} and {most.shape}, need (N, 15, 2) and (N, 2)"
        )
    own = xy[:, np.isin(PART_NAMES, PARTS[part])]
    if not np.isfinite(own).all():
        raise ValueError(f"points holds a keypoint of the {part} that is not finite")
    low, high = own.min(axis=1), own.max(axis=1)
    low, high = low - margin * (high - low), high + margin * (high - low)
    short = np.maximum(LEAST - (high - low), 0.0) / 2
    low, high = np.floor(low - short), np.ceil(high + short)
    least = np.minimum(LEAST, most)
    low = np.clip(low, 0, most - least)
    high = np.clip(high, low + least, most)
    return np.concatenate([low, high], axis=1).astype(np.int64)


def check(part: str, margin: float) -> None:
    """Whether a part and a margin can be cut out.

    Raises:
        ValueError: they can't.
    """
    if part not in PARTS:
        raise ValueError(f"part is {part!r}; it is one of {', '.join(PARTS)}")
    if not 0 <= margin < np.inf:
        raise ValueError(f"margin is {margin}, needs a finite number of at least 0")


def crops(
    images: ImageSet,
    points: Callable[[], NDArray[np.float32]],
    source: Any,
    *,
    part: str,
    margin: float = 0.0,
) -> ImageSet:
    """The crops as an image set of their own, from the store or cut now.

    Ids, labels, classes and split are those of ``images``, and so are the keypoints, where the crop
    holds them. Crops are PNG files, which lose nothing.

    Args:
        images: the pictures.
        points: -> ``[N, 15, 2]``, (x, y) in pixels of the pictures; asked where nothing is stored.
        source: names those points, in plain values: a run's key, or what else they follow from.
        part: ``head`` or ``body``.
        margin: as in `crop_boxes`.

    Raises:
        DataError: a damaged picture, named.
        ValueError: as in `crop_boxes`.
    """
    check(part, margin)
    described = {
        "images": images.fingerprint,
        "points": source,
        "part": part,
        "margin": margin,
        "code": store.code_digest(["fgnb.pose.part_crops"]),
    }
    names = tuple(f"{image}.png" for image in images.ids)

    def build(work: Path) -> None:
        where = points()

        def cut(row: int) -> NDArray[np.int64]:
            picture = load_rgb(images.path(row))
            (box,) = crop_boxes(where[[row]], [picture.size], part, margin)
            picture.crop(tuple(box)).save(work / names[row], compress_level=_FASTEST)
            return box

        with ThreadPoolExecutor(joblib.cpu_count()) as pool:
            cutting = pool.map(cut, range(len(images)))
            boxes = list(progress.track(cutting, "picture", len(images)))
        np.save(work / "boxes.npy", np.stack(boxes))

    folder = stored_folder("crops-of-parts", described, build, None)
    boxes = np.load(folder / "boxes.npy")
    corner, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    moved = images.parts - corner[:, None].astype(np.float32)
    seen = images.visible & (moved >= 0).all(axis=2) & (moved < size[:, None]).all(axis=2)
    return replace(
        images,
        title=f"the {part} in {images.title}",
        root=folder,
        folder="",
        files=names,
        renamed={},
        boxes=np.concatenate([np.zeros_like(size), size], axis=1).astype(np.float32),
        parts=np.where(seen[..., None], moved, 0).astype(np.float32),
        visible=seen,
        fingerprint=store.digest(described),
    )
