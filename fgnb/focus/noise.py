"""How far noise in a picture moves the regions of its attention map, smoothed or not (section 3.2).

The paper smooths its map "to make it more robust to noise". So each picture is looked at twice, as
it is and with noise in every pixel, and the regions of the second look are held against the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.data.transforms import eval_transform
from fgnb.focus.maps import trained_model
from fgnb.focus.proposals import choose
from fgnb.focus.region_stage import FocusStage
from fgnb.nn.device import device
from fgnb.nn.maps import batches
from fgnb.training import Run
from fgnb.training.settings import deterministic


def stability_under_noise(
    stage: FocusStage, run: Run, *, noise: float, sigmas: Sequence[float], seed: int = 0
) -> list[NDArray[np.float64]]:
    """How much of a clean picture's best regions the same picture with noise gives again.

    Args:
        stage: a trained stage; the ``concatenated`` best regions of its queries count.
        run: its run.
        noise: standard deviation of the noise in every pixel and channel, in units of the
            normalised input (1 is the spread of the pretraining pictures).
        sigmas: widths of the Gaussian over the map, in cells; 0 leaves the map as it is.
        seed: of the noise, which is the same for all ``sigmas``.

    Returns:
        For each of ``sigmas`` float64[Q], in [0, 1]: the overlap (intersection over union) of a
        clean region with the nearest one of the noisy picture, the mean over the regions.

    Raises:
        ValueError: noise below 0.
    """
    if noise < 0:
        raise ValueError(f"noise is {noise}; it should be 0 or more")
    spec, model = stage.spec, trained_model(stage, run).to(device())
    info = model.backbone.info
    transform = eval_transform(spec.image_size, info, frame=spec.framing)
    draw = torch.Generator().manual_seed(seed)
    overlaps: list[list[Tensor]] = [[] for _ in sigmas]
    with deterministic(spec.threads), torch.inference_mode():
        for _, pictures in batches(stage.images, transform, rows=stage.query_index):
            noisy = pictures + noise * torch.randn(pictures.shape, generator=draw)
            looks = [
                model.backbone(look.to(device()).contiguous(memory_format=torch.channels_last))
                for look in (pictures, noisy)
            ]
            for of_sigma, sigma in zip(overlaps, sigmas, strict=True):
                clean, other = (
                    choose(
                        model.attend(feature_map, sigma=sigma).cpu(),
                        stage.anchors,
                        count=spec.concatenated,
                        iou=spec.iou,
                    )
                    for feature_map in looks
                )
                nearest = stage.anchors.overlap[clean[:, :, None], other[:, None]].amax(dim=2)
                of_sigma.append(nearest.mean(dim=1))
    return [torch.cat(parts).numpy() for parts in overlaps]
