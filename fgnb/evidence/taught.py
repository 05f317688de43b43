"""What labels teach before anything is chosen: classifiers of wholes and of boxes, on one half.

The classifier of wholes has the class maps of focus. The classifier of boxes says how surely each
box tells its image's class, which is what scorers learn to foresee; an image is judged by one that
never saw it, since a fit on the same few images is sure of every box.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgnb import store
from fgnb.baselines.logistic import Logistic, choose_c, fit_logistic
from fgnb.baselines.placed import random_scores
from fgnb.data import ImageSet
from fgnb.evidence.candidates import Candidates, CandidateSpec
from fgnb.evidence.split import Split
from fgnb.nn.cache import stored_folder
from fgnb.nn.regions import greedy_nms

PARTS, SAMPLED = 5, 6
_STREAM = 0x70617274  # keeps these draws apart from others of the same seed
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Taught:
    """Fits on the half that teaches; features as they are, not standardised.

    Attributes:
        whole: of whole images; C is the best on a fifth held out of this half.
        region: of zoomed boxes, with the same C, on six of each image that hardly overlap.
        confidence: float32 ``[N, A]``, log-probability of the true class for each box of this
            half's images, by a classifier of boxes that was fitted without that image.
    """

    whole: Logistic
    region: Logistic
    confidence: Floats32


def taught_by(
    images: ImageSet,
    found: Candidates,
    split: Split,
    spec: CandidateSpec,
    *,
    seed: int,
    root: Path | None = None,
) -> Taught:
    """The fits of a set, from the store or made now.

    Args:
        images: the set.
        found: its features.
        split: who teaches.
        spec: of the features.
        seed: of the sampled boxes and of the parts.
        root: the store; by default `fgnb.paths.runs_root`.
    """
    described = {
        **asdict(spec),
        "images": images.fingerprint,
        "seed": seed,
        "rows": split.taught.tolist(),
        "code": store.code_digest(["fgnb.evidence.taught"]),
    }

    def build(work: Path) -> None:
        rows, threads = split.taught, spec.threads
        labels, whole = images.labels[rows], found.whole[rows]
        held = _parts(labels, PARTS, seed) == 0
        c, _ = choose_c(whole, labels, held, threads=threads)
        fits = {"whole": fit_logistic(whole, labels, c=c, threads=threads)}
        scores = random_scores(found.anchors, images.ids[rows], seed)
        places = greedy_nms(scores, found.anchors.overlap, count=_sampled(found), iou=0.25)
        regions = found.regions[rows].astype(np.float32)
        sample = np.take_along_axis(regions, places.numpy()[:, :, None], axis=1)
        fits["region"] = _of_boxes(sample, labels, c, threads)
        confidence = _confidence(regions, sample, labels, c, seed, threads)
        arrays = {f"{n}_{k}": v for n, fit in fits.items() for k, v in asdict(fit).items()}
        np.savez(work / "taught.npz", confidence=confidence, **arrays)

    folder = stored_folder("heads", described, build, root)
    with np.load(folder / "taught.npz") as kept:
        whole, region = (
            Logistic(kept[f"{n}_weight"], kept[f"{n}_bias"], float(kept[f"{n}_c"]))
            for n in ("whole", "region")
        )
        return Taught(whole, region, kept["confidence"])


def _confidence(
    regions: Floats32,
    sample: Floats32,
    labels: NDArray[np.int64],
    c: float,
    seed: int,
    threads: int,
) -> Floats32:
    """Log-probability of each box's true class, ``[N, A]``, each image judged by others."""
    part_of = _parts(labels, PARTS, seed)
    found = np.empty(regions.shape[:2], np.float32)
    for part in np.unique(part_of):
        own = part_of == part
        judge = _of_boxes(sample[~own], labels[~own], c, threads)
        for row in np.flatnonzero(own):
            probs = judge.probs(regions[row])[:, labels[row]]
            found[row] = np.log(np.maximum(probs, np.finfo(np.float32).tiny))
    return found


def _of_boxes(sample: Floats32, labels: NDArray[np.int64], c: float, threads: int) -> Logistic:
    """A classifier of boxes ``[N, K, D]``, one by one."""
    each = np.repeat(labels, sample.shape[1])
    return fit_logistic(sample.reshape(len(each), -1), each, c=c, threads=threads)


def _parts(labels: NDArray[np.int64], parts: int, seed: int) -> NDArray[np.int64]:
    """The part of each image: each class in a random order, dealt out; none has a whole class."""
    rng, part_of = np.random.default_rng((seed, _STREAM)), np.empty_like(labels)
    parts = min(parts, int(np.bincount(labels).min()))
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        part_of[order] = np.arange(len(order)) % parts
    return part_of


def _sampled(found: Candidates) -> int:
    return min(SAMPLED, len(found.anchors))
