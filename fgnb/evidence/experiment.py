"""The experiment on choosing: boxes by each rule, then ridge regression, and nothing else.

For a rule, share, strength and join are those of the best answers to the held-out folds of the
first seed; with them every fit of every seed answers its own held-out images, and the test images
once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fgnb import store, training
from fgnb.baselines import ridge
from fgnb.data import ImageSet
from fgnb.evidence import joined, recipe
from fgnb.evidence.candidates import Candidates, CandidateSpec, candidates
from fgnb.evidence.rules import EVERY, IOU, RULES, WHOLE, Chooser
from fgnb.evidence.scorers import ScorerStage
from fgnb.evidence.split import Fit, Split, split_of
from fgnb.evidence.taught import Taught, taught_by
from fgnb.nn.cache import stored_folder
from fgnb.presets import Preset
from fgnb.training import environment
from fgnb.training.counted import Counted

CODE = ("fgnb.evidence.experiment",)
LEAST_SCALE = 0.03
"""A feature varies at least so much, as a share of what the mean one does, when standardised."""
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """What is chosen for a rule on held-out images."""

    join: str
    share: float
    strength: float


@dataclass(frozen=True, kw_only=True)
class Answered(Counted):
    """What a rule answered, and all that a record says of it besides.

    Attributes:
        rule: its name.
        setting: what was chosen for it, and ``accuracy`` there.
        places: boxes of the test images in each choice there was, ``[P, N, K]``.
        classes: predicted class of each test image by each fit, int16 ``[F, N]``.
        held_out: of each of the folds' images by the fit that did not see it, int16 ``[S, M]``.
        scores: of the first fit on the test images, ``[N, C]``.
    """

    rule: str
    setting: Setting
    accuracy: float
    places: Places
    classes: NDArray[np.int16]
    held_out: NDArray[np.int16]
    scores: NDArray[np.float64]
    code_of: tuple[str, ...] = CODE


class Experiment:
    """All rules on one image set at the scale of a preset.

    Args:
        images: the set.
        preset: the scale.
        options: backbone, weights, frame, seed.
    """

    def __init__(self, images: ImageSet, preset: Preset, **options: Any) -> None:
        self.images, self.preset, self.options = images, preset, options
        self.weights: str = options.get("weights", "imagenet")
        self.seed: int = options.get("seed", 0)
        self.spec: CandidateSpec = recipe.candidate_spec(preset, images, **options)

    @cached_property
    def split(self) -> Split:
        """Who teaches, who is folded, who is asked."""
        return split_of(self.images, seed=self.seed, **recipe.repeats(self.images))

    @cached_property
    def found(self) -> Candidates:
        """Frozen features of wholes and of all boxes."""
        return candidates(self.images, self.weights, self.spec)

    @cached_property
    def taught(self) -> Taught:
        """What labels taught on one half."""
        return taught_by(self.images, self.found, self.split, self.spec, seed=self.seed)

    @cached_property
    def chooser(self) -> Chooser:
        """Every rule."""
        own = (self.images, self.found, self.spec, self.taught)
        return Chooser(*own, self.scorer_scores, recipe.SIGMA.value)

    def stage(self, scorer: str, lesson: str) -> ScorerStage:
        """The training of a scorer; each lesson but the warm-up goes on from one."""
        start = None if lesson == "warm-up" else self.stage(scorer, "warm-up")
        spec = recipe.scorer_spec(
            self.preset, self.spec, scorer, lesson, seed=self.seed, start=start
        )
        return ScorerStage(self.images, self.found, self.split, self.taught, spec, start)

    def scorer_scores(self, scorer: str, lesson: str) -> NDArray[np.float32]:
        """What a trained scorer says of every box of the set, ``[N, A]``."""
        run = training.fit(self.stage(scorer, lesson), progress=False, checkpoint_every=500)
        return run.predictions["scores"]

    @cached_property
    def whole(self) -> NDArray[np.float32]:
        """Standardised features of the asked images' wholes, of length about 1: ``[N, D]``."""
        mean, scale = _scaling(self.found.whole[self.split.taught].astype(np.float32))
        return (self.found.whole[self.split.asked] - mean) / scale

    def regions(self, places: Places) -> NDArray[np.float32]:
        """Standardised features of chosen boxes of the asked images, ``[N, K, D]``."""
        mean, scale = self._region_scaling
        chosen = self.found.regions[self.split.asked[:, None], places]
        return (chosen.astype(np.float32) - mean) / scale

    def answers(self, rule: str) -> Answered:
        """What a rule answers with the settings that are best for it; from the store, or now."""
        described = {
            **asdict(self.spec),
            **{"rule": rule, "seed": self.seed, "repeats": recipe.repeats(self.images)},
            **{"max_steps": self.preset.max_steps, "grid": [recipe.SHARES, recipe.STRENGTHS]},
            **{"images": self.images.fingerprint, "code": store.code_digest(CODE)},
        }

        def build(work: Path) -> None:
            began = time.monotonic()
            with threadpool_limits(self.spec.threads):
                setting, accuracy = self._choose(rule)
                arrays = self._answered(rule, setting)
            around = environment.describe(self.spec.threads, time.monotonic() - began)
            around["seconds"] += round(self.found.seconds / len(RULES), 1)
            about = {"setting": asdict(setting), "accuracy": accuracy, "environment": around}
            store.write_atomic(work / "about.json", json.dumps(about))
            np.savez(work / "answers.npz", **arrays)  # type: ignore[arg-type]

        folder = stored_folder("choices", described, build, None)
        about = json.loads((folder / "about.json").read_text())
        setting = Setting(**about.pop("setting"))
        with np.load(folder / "answers.npz") as arrays:
            known = dict(arrays)
        spec = self._described(rule, setting)
        return Answered(
            rule=rule, setting=setting, key=store.digest(described), spec=spec, **about, **known
        )

    def _choose(self, rule: str) -> tuple[Setting, float]:
        """The setting with most held-out answers right; of equals, the least squared error."""
        joins = ("mean",) if rule in (WHOLE, EVERY) else joined.JOINS
        shares = (0.0,) if rule == WHOLE else recipe.SHARES
        targets, labels = self._targets, self._labels
        grid = list(product(joins, shares))
        right = np.zeros((len(grid), len(recipe.STRENGTHS)))
        error = np.zeros_like(right)
        for fit, grams in self._grams(rule, joins, self.split.first):
            for row, (join, share) in enumerate(grid):
                kernel = joined.joint_gram(self._whole_gram, grams.get(join), share)
                known = kernel[np.ix_(fit.train, fit.train)]
                asked = kernel[np.ix_(fit.held_out, fit.train)]
                path = ridge.ridge_path(known, asked, targets[fit.train], recipe.STRENGTHS)
                right[row] += (path.argmax(axis=2) == labels[fit.held_out]).sum(axis=1)
                error[row] += ((path - targets[fit.held_out]) ** 2).sum(axis=(1, 2))
        order = np.lexsort((error.ravel(), -right.ravel()))
        row, column = np.unravel_index(order[0], right.shape)
        join, share = grid[row]
        best = Setting(join, share, recipe.STRENGTHS[column])
        return best, float(right[row, column] / len(labels))

    def _answered(self, rule: str, setting: Setting) -> dict[str, NDArray[Any]]:
        """Arrays of `Answered`, of all fits."""
        split, targets, folded = self.split, self._targets, len(self.split.folded)
        seeds = sorted({fit.seed for fit in split.fits})
        held_out = np.empty((len(seeds), folded), np.int16)
        classes: list[NDArray[np.int16]] = []
        places: list[Places] = []
        scores: NDArray[np.float64] = np.empty(0)
        for fit, grams in self._grams(rule, (setting.join,), split.fits, places):
            kernel = joined.joint_gram(self._whole_gram, grams.get(setting.join), setting.share)
            known = kernel[np.ix_(fit.train, fit.train)]
            said = ridge.ridge_scores(
                known, kernel[:, fit.train], targets[fit.train], setting.strength
            )
            held_out[seeds.index(fit.seed), fit.held_out] = said[fit.held_out].argmax(axis=1)
            classes.append(said[folded:].argmax(axis=1).astype(np.int16))
            scores = scores if len(classes) > 1 else said[folded:]
        return {
            **{"places": np.stack(places), "classes": np.stack(classes)},
            **{"held_out": held_out, "scores": scores},
        }

    def _grams(
        self,
        rule: str,
        joins: tuple[str, ...],
        fits: tuple[Fit, ...],
        kept: list[Places] | None = None,
    ) -> Iterator[tuple[Fit, dict[str, ridge.Floats]]]:
        """Each fit with the Gram matrices of its regions, asked x folded, by join.

        ``kept`` takes the boxes of the test images, of each choice once.
        """
        folded, last = len(self.split.folded), -1
        grams: dict[str, ridge.Floats] = {}
        for fit in fits:
            which = fit.number if RULES[rule].anew else 0
            if which != last:
                places, last = self.chooser.places(rule, fit, self.split.asked), which
                if kept is not None:
                    kept.append(places[folded:])
                grams = {}
                if places.shape[1]:
                    regions = self.regions(places)
                    for join in joins:
                        side = joined.joined_regions(regions, join)
                        grams[join] = joined.gram(side, side[:folded])
            yield fit, grams

    @cached_property
    def _whole_gram(self) -> ridge.Floats:
        return joined.gram(self.whole, self.whole[: len(self.split.folded)])

    @cached_property
    def _region_scaling(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        taught = self.found.regions[self.split.taught].astype(np.float32)
        return _scaling(taught.reshape(-1, taught.shape[2]))

    @property
    def _labels(self) -> NDArray[np.int64]:
        return self.images.labels[self.split.folded]

    @property
    def _targets(self) -> ridge.Floats:
        return ridge.one_hot(self._labels, len(self.images.classes))

    def _described(self, rule: str, setting: Setting) -> dict[str, Any]:
        """What a record says a row was set to."""
        own, split = RULES[rule], self.split
        count = len(self.found.anchors) if own.count is None else own.count
        of_all = {k: v for k, v in asdict(self.spec).items() if not k.startswith("weights")}
        seeds = sorted({fit.seed for fit in split.fits})
        return of_all | {
            **{"seed": self.seed, "seeds": tuple(seeds), "cut": 32, "fold": "all"},
            **{"folds": len(split.first), "taught": len(split.taught)},
            **{"folded": len(split.folded), "c": self.taught.whole.c, "iou": IOU},
            **{"fits": len(split.fits), "candidates": len(self.found.anchors)},
            **{"boxes": count, "drawn_anew": own.anew, **asdict(setting)},
        }


def _scaling(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and scale of features ``[N, D]`` after which they have a length of about 1."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.maximum(scale, LEAST_SCALE * scale.mean())
    scale[scale == 0] = 1.0
    return mean, (scale * np.sqrt(features.shape[1])).astype(np.float32)
