"""Chosen regions on birds, cars and aircraft (ccfr, section 4.5, Fig. 7): scale, stages, numbers.

The paper shows its full model on three sets. Three full trainings are too much for a first book, so
the demonstration draws small sets of cars and aircraft (the pages of results read them too) and
starts their regions from the plain classifier; birds, and photographs, get the model of section
3.2. All that is chosen in `scale_of` and `stage_of`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb import ccfr
from fgnb.ccfr.region_stages import RegionStage
from fgnb.data import PART_NAMES, ImageSet
from fgnb.metrics.coverage import Coverage
from fgnb.presets import Preset
from fgnb.report import numbers
from fgnb.report.derive import measure
from fgnb.report.figures import Picture
from fgnb.report.provenance import Provenance
from fgnb.report.region_results import CLAIM_PARTS, object_under, parts_under, slug
from fgnb.report.regions import Regions, SheetRow, sheet
from fgnb.report.results import OWN, Result

SMALL = ("drawn-cars", "drawn-aircraft")
SMALL_SCALE: dict[str, Any] = {
    "species": 4,
    "families": 2,
    "train_per_class": 12,
    "test_per_class": 12,
}
PARTS = ("head", "wing")


@dataclass(frozen=True)
class Shown:
    """One set with the boxes chosen on its held-out images.

    Attributes:
        images: the set.
        regions: the boxes.
        on_object: how often a box has its centre on the object.
        on_parts: coverage by group of key points; empty for a set without them.
        probs: softmax probabilities of these images, ``[Q, C]``.
    """

    images: ImageSet
    regions: Regions
    on_object: Coverage
    on_parts: dict[str, Coverage]
    probs: NDArray[np.float32]

    @classmethod
    def of(cls, stage: RegionStage, run: Any) -> Shown:
        """The boxes of a trained stage, held against the annotations of its set."""
        images, regions = stage.images, Regions.of(run)
        birds = images.parts.shape[1] == len(PART_NAMES)
        return cls(
            images,
            regions,
            object_under(images, regions, stage.anchors),
            parts_under(images, regions, stage.anchors) if birds else {},
            run.predictions["query_probs"],
        )


def scale_of(preset: Preset, name: str) -> Preset:
    """The scale of a set beside birds: the demonstration's drawn cars and aircraft are small."""
    if name not in SMALL or preset.name != "demo":
        return preset
    return replace(preset, **SMALL_SCALE)


def stage_of(
    preset: Preset, images: ImageSet, *, fold: str = "held-out", **options: Any
) -> RegionStage:
    """The region stage of a set: drawn cars and aircraft start from the plain classifier."""
    return ccfr.region_stage(
        preset, images, fold=fold, multi_level=images.name not in SMALL, **options
    )


def rows_of_sets(shown: Sequence[Shown], count: int = 6) -> Picture:
    """Fig. 7: a row a set, held-out pictures of different places in its order."""
    count = min(count, *(len(found.regions) for found in shown))
    rows = []
    for found in shown:
        most = len(found.regions)
        queries = [i * most // count for i in range(count)]
        rows.append(SheetRow(found.images.name.replace("-", "\n"), found.images, found.regions, queries))
    return sheet(rows)


def set_arrays(shown: Sequence[Shown]) -> dict[str, NDArray[Any]]:
    """Per-image arrays, each named by its set."""
    arrays: dict[str, NDArray[Any]] = {}
    for found in shown:
        key = slug(found.images.name)
        arrays |= {
            f"{key}_ids": found.regions.ids,
            f"{key}_boxes": found.regions.boxes,
            f"{key}_scores": found.regions.scores,
            f"{key}_count": np.array([found.regions.boxes.shape[1]], dtype=float),
            f"{key}_object": found.on_object.chosen,
            f"{key}_object_chance": found.on_object.chance,
            f"{key}_probs": found.probs,
        }
        for group, coverage in found.on_parts.items():
            arrays[f"{key}_{slug(group)}"] = coverage.chosen
            arrays[f"{key}_{slug(group)}_chance"] = coverage.chance
    return arrays


def set_results(
    arrays: Mapping[str, NDArray[Any]],
    shown: Sequence[Shown],
    origins: Sequence[Provenance],
) -> list[Result]:
    """What Fig. 7 can be held to: boxes on the object, and on parts where a set has them."""
    results = []
    for found, origin in zip(shown, origins, strict=True):
        name = found.images.name
        key = slug(name)
        over = {"kind": "excess", "of": f"{key}_object", "against": f"{key}_object_chance"}
        rules: list[tuple[str, str, dict[str, Any]]] = [
            ("ccfr.fig7", "Box centres on the object", {"kind": "mean-share", "of": over["of"]}),
            (f"{OWN}ccfr.fig7.{key}.object", "Box centres on the object, over chance", over),
        ]
        for group in PARTS:
            if len(arrays.get(f"{key}_{group}", ())):
                part = {"kind": "excess", "of": f"{key}_{group}"}
                part["against"] = f"{key}_{group}_chance"
                rules.append((CLAIM_PARTS, f"Boxes on the {group}, over chance", part))
        results += [
            measure(claim, rule, arrays, provenance=origin, label=f"{label}: {name}")
            for claim, label, rule in rules
        ]
        threshold = f"ccfr.setting.t-sf.{numbers.slug(name)}"
        if threshold != "ccfr.setting.t-sf.cub":  # the birds' stands on the page of section 3.3
            results.append(
                measure(
                    threshold,
                    {"kind": "mean-top1", "of": f"{key}_probs"},
                    arrays,
                    provenance=origin,
                    label=f"Mean top-1 probability, held-out images: {name}",
                    unit="none",
                )
            )
        results.append(
            measure(
                "ccfr.text.shown-regions",
                {"kind": "mean", "of": f"{key}_count"},
                arrays,
                provenance=origin,
                label=f"Boxes chosen an image: {name}",
                unit="count",
            )
        )
    return results
