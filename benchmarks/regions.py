"""The region stage without its backbone, against loops over images and crops.

From scores to crops: `fgnb.nn.regions` on the whole batch, and the form that NTS-Net's public code
has (for each image NumPy suppression over sorted rows of scores and boxes; for each crop
`F.interpolate` on a slice of the padded image). Batch 8, 448 px, NTS-Net's 1,614 anchors with
corners cut to whole pixels as there, six crops of 224 px. Both keep a box whose overlap is exactly
the threshold, and both sample with pixel borders aligned. The overlap of the anchors is a constant
and made once, outside the time; so are the rows of boxes that the loop starts from.

    python benchmarks/regions.py [THREADS]      # 2; at 1 the clock is the CPU's, for a busy machine
"""

from __future__ import annotations

import sys

import numpy as np
import timing
import torch
from torch import Tensor
from torch.nn import functional as F

from fgnb.nn.nts import nts_anchors
from fgnb.nn.regions import Anchors, box_overlap, crop_and_resize, greedy_nms

BATCH, SIDE, COUNT, CROP, IOU, PAD = 8, 448, 6, 224, 0.25, 224
REPETITIONS = 15


def whole_pixels() -> Anchors:
    """NTS-Net's anchors, their corners cut to whole pixels of the padded image."""
    anchors = nts_anchors(SIDE)
    boxes = (anchors.boxes + PAD).floor() - PAD
    return Anchors(boxes, anchors.scales, anchors.levels, box_overlap(boxes))


def batched(
    images: Tensor, scores: Tensor, anchors: Anchors, antialias: bool
) -> tuple[Tensor, Tensor]:
    index = greedy_nms(scores, anchors.overlap, count=COUNT, iou=IOU)
    return index, crop_and_resize(images, anchors.boxes[index], CROP, antialias=antialias)


def looped(images: Tensor, scores: Tensor, boxes: np.ndarray) -> tuple[Tensor, Tensor]:
    padded = F.pad(images, (PAD, PAD, PAD, PAD))
    crops = torch.zeros(BATCH, COUNT, 3, CROP, CROP)
    chosen = []
    for i in range(BATCH):
        number = np.arange(len(boxes))
        rows = np.column_stack([scores[i].numpy(), boxes + PAD, number])
        best = suppressed(rows)
        chosen.append(best[:, 5].astype(int))
        for k in range(COUNT):
            x1, y1, x2, y2 = best[k, 1:5].astype(int)
            patch = padded[i : i + 1, :, y1:y2, x1:x2]
            crops[i : i + 1, k] = F.interpolate(patch, (CROP, CROP), mode="bilinear")
    return torch.from_numpy(np.array(chosen)), crops.flatten(0, 1)


def suppressed(rows: np.ndarray) -> np.ndarray:
    """The best rows (score, x1, y1, x2, y2, number) of one image."""
    left = rows[np.argsort(rows[:, 0])]
    best = []
    while len(left) and len(best) < COUNT:
        top, left = left[-1], left[:-1]
        best.append(top)
        sides = np.minimum(left[:, 3:5], top[3:5]) - np.maximum(left[:, 1:3], top[1:3])
        shared = sides[:, 0] * sides[:, 1]
        shared[(sides < 0).any(axis=1)] = 0
        areas = (left[:, 3] - left[:, 1]) * (left[:, 4] - left[:, 2])
        own = (top[3] - top[1]) * (top[4] - top[2])
        left = left[shared / (areas + own - shared) <= IOU]
    return np.array(best)


def largest_difference(a: Tensor, b: Tensor, boxes: Tensor) -> float:
    """Between the crops inside the image, less the rim where a slice ends and an image goes on."""
    inside = ((boxes >= 0) & (boxes <= SIDE)).all(dim=2).flatten()
    return float((a - b)[inside, :, 4:-4, 4:-4].abs().max())


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, 3, SIDE, SIDE, generator=generator)
    anchors = whole_pixels()
    scores = torch.randn(BATCH, len(anchors), generator=generator)
    rows = anchors.boxes.double().numpy()

    index, crops = batched(images, scores, anchors, False)
    same, slow_crops = looped(images, scores, rows)
    boxes = anchors.boxes[index]
    seconds = timing.interleaved(
        {
            "loops": lambda: looped(images, scores, rows),
            "batched": lambda: batched(images, scores, anchors, False),
            "batched, antialiased": lambda: batched(images, scores, anchors, True),
        },
        REPETITIONS,
    )
    record = {
        "anchors": len(anchors),
        "same_boxes": bool(torch.equal(index, same)),
        "largest_difference_of_crops": round(largest_difference(crops, slow_crops, boxes), 7),
        "crops_that_shrink": int((boxes[..., 2:] - boxes[..., :2] > CROP).any(dim=2).sum()),
        "rows": {name: timing.row(parts) for name, parts in seconds.items()},
        "loops_over_batched": timing.ratio(seconds["loops"], seconds["batched"]),
        "loops_over_antialiased": timing.ratio(seconds["loops"], seconds["batched, antialiased"]),
        "repetitions": REPETITIONS,
        "machine": timing.machine(),
    }
    timing.write(__file__, record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
