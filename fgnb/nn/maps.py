"""Maps of a frozen trunk, computed once and kept in the run store: plain, and flipped to train on.

A CPU affords fine-tuning only above a frozen trunk, so each picture's map at the cut is computed
once and memory-mapped (float32; 0.4 GB for 2,290 pictures at 224 px and stride 16). The key is
over the image manifest, the transform, the weights' hash, timm's version and the cut. Pictures are
read ahead by as many threads as half of the cores.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import joblib
import numpy as np
import torch
from torch import Tensor

from fgnb import progress, store
from fgnb.data import ImageSet, load_rgb
from fgnb.data.frame import Frame
from fgnb.data.transforms import TEST_FRAME, EvalTransform, eval_transform
from fgnb.nn.backbones import Backbone, create_backbone, global_pool
from fgnb.nn.cache import stored_folder
from fgnb.nn.device import device
from fgnb.nn.memory import keep_freed_memory
from fgnb.nn.weights import WeightsInfo, weights_info

log = logging.getLogger(__name__)
BATCH = 32
VIEWS = ("plain", "flipped")


@dataclass(frozen=True)
class MapsSpec:
    """What a set of cached maps depends on; ``seed`` matters to random weights alone."""

    images: str
    backbone: str
    weights_tag: str
    weights_sha256: str
    size: int
    frame: Frame
    cut: int
    seed: int
    threads: int
    timm: str
    keep_maps: bool


@dataclass(frozen=True)
class TrunkMaps:
    """Cached arrays of an image set.

    Attributes:
        maps: float32 memory map ``[N, 2, D, h, w]``, in the order of the image set; the second
            axis is plain, flipped. Test images have zeros for their flipped ones, which nothing
            reads. Empty (``[0]``) where they were not kept.
        features: float32 ``[N, F]``, the pretrained tail's globally pooled map of each, plain.
        info: the weights.
        key: names the arrays in the store.
    """

    maps: np.ndarray
    features: np.ndarray
    info: WeightsInfo
    key: str


def seeded_backbone(name: str, weights: str, *, cut: int, seed: int) -> Backbone:
    """A backbone whose random weights, if asked for, are those of ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return create_backbone(name, weights, cut=cut)


def trunk_maps(
    images: ImageSet,
    backbone: str,
    weights: str,
    *,
    size: int,
    frame: Frame = TEST_FRAME,
    cut: int = 16,
    seed: int = 0,
    threads: int = 2,
    keep_maps: bool = True,
    root: Path | None = None,
) -> TrunkMaps:
    """The maps of every picture of ``images``, from the store or computed now.

    ``keep_maps=False`` keeps the pooled features alone, for stages that train on pictures.

    Raises:
        DataError: a damaged picture, named.
        WeightsError: weights that can't be had.
    """
    info = weights_info(backbone, weights)
    spec = MapsSpec(
        images=images.fingerprint,
        backbone=backbone,
        weights_tag=info.tag,
        weights_sha256=info.sha256,
        size=size,
        frame=frame,
        cut=cut,
        seed=seed if weights == "random" else 0,
        threads=threads,
        timm=version("timm"),
        keep_maps=keep_maps,
    )

    def build(work: Path) -> None:
        _compute(images, seeded_backbone(backbone, weights, cut=cut, seed=seed), spec, work)

    described = {**asdict(spec), "code": store.code_digest(["fgnb.nn.maps"])}
    folder = stored_folder("maps", described, build, root)
    return TrunkMaps(
        np.load(folder / "maps.npy", mmap_mode="r"),
        np.load(folder / "features.npy"),
        info,
        folder.name,
    )


@torch.inference_mode()
def _compute(images: ImageSet, network: Backbone, spec: MapsSpec, work: Path) -> None:
    network = network.eval().to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(spec.threads)
    log.info("computing the frozen trunk's maps of %d pictures", len(images))
    transform = eval_transform(spec.size, network.info, frame=spec.frame)
    maps = features = None
    try:
        for start, batch in batches(images, transform):
            batch = batch.to(device())
            plain = _trunk(network, batch)
            pooled = global_pool(network.tail(plain))
            if maps is None or features is None:
                shape = (len(images), len(VIEWS), *plain.shape[1:]) if spec.keep_maps else (0,)
                maps = np.lib.format.open_memmap(work / "maps.npy", "w+", np.float32, shape)
                features = np.empty((len(images), pooled.shape[1]), np.float32)
            rows = slice(start, start + len(batch))
            features[rows] = pooled.cpu().numpy()
            if spec.keep_maps:
                maps[rows, 0] = plain.cpu().numpy()
                train = np.flatnonzero(images.train[rows])
                if len(train):
                    flipped = _trunk(network, batch[train].flip(-1))
                    maps[start + train, 1] = flipped.cpu().numpy()
    finally:
        torch.set_num_threads(before)
    if maps is None or features is None:
        raise ValueError(f"{images.title} holds no pictures")
    maps.flush()
    np.save(work / "features.npy", features)


def _trunk(network: Backbone, inputs: Tensor) -> Tensor:
    return network.trunk(inputs.contiguous(memory_format=torch.channels_last))


def batches(
    images: ImageSet,
    transform: EvalTransform,
    batch: int = BATCH,
    rows: np.ndarray | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield ``(start, Tensor[B, 3, size, size])`` of ``rows`` (all by default), read ahead."""
    rows = np.arange(len(images)) if rows is None else rows

    def read(start: int) -> Tensor:
        chosen = rows[start : start + batch]
        return torch.stack([transform(load_rgb(images.path(int(i)))) for i in chosen])

    starts = list(range(0, len(rows), batch))
    readers = max(1, joblib.cpu_count() // 2)
    waiting = iter(starts)
    with ThreadPoolExecutor(readers) as pool:
        ahead = [pool.submit(read, start) for start in islice(waiting, readers + 1)]
        for start in progress.track(starts, "picture", len(rows), size=batch):
            current = ahead.pop(0).result()
            ahead += [pool.submit(read, later) for later in islice(waiting, 1)]
            yield start, current
