"""What the pages on regions (ccfr, sections 3.2 and 4.5) record.

Everything rests on one value an image: shares of boxes that hold a key point, beside their exact
chance; how many boxes moved while training; how many small boxes survive when all scales compete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.ccfr.proposals import Proposals
from fgnb.data import HEAD_PARTS, PART_NAMES, ImageSet
from fgnb.data.frame import frames_of
from fgnb.metrics.coverage import (
    Coverage,
    box_sides,
    boxes_moved,
    centre_coverage,
    part_coverage,
)
from fgnb.nn.regions import Anchors
from fgnb.report.derive import measure
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.regions import Regions
from fgnb.report.results import OWN, Result
from fgnb.report.rows import rows_of
from fgnb.report.tables import badge
from fgnb.training import Run

GROUPS = {
    "head": HEAD_PARTS,
    "wing": ("left wing", "right wing"),
    "tail": ("tail",),
    "belly and breast": ("belly", "breast"),
    "legs": ("left leg", "right leg"),
}
WARM_UP = "ranking loss"
CLAIM_NMS = "ccfr.claim.large-boxes-suppress-small"
CLAIM_TRIPLET = "ccfr.claim.triplet-picks-parts"
CLAIM_PARTS = "ccfr.claim.boxes-sit-on-parts"
CLAIM_SHARING = "ccfr.claim.shared-extractor-curbs-overfitting"
GAINS = {f"{group}, points": f"gain-{group.replace(' ', '-')}" for group in GROUPS}
SHARES = {f"{group}, %": f"share-{group.replace(' ', '-')}" for group in GROUPS}
EXCESS = {f"{group}, points": f"excess-{group.replace(' ', '-')}" for group in GROUPS}
MOVES = {
    "Mean side, px": "side",
    "Images that changed, %": "moved",
    "Boxes that changed, %": "moved-boxes",
}


def parts_under(images: ImageSet, regions: Regions, anchors: Anchors) -> dict[str, Coverage]:
    """Coverage of each group of a bird's key points by the chosen boxes.

    Raises:
        ValueError: a set without the fifteen parts of CUB.
    """
    if images.parts.shape[1] != len(PART_NAMES):
        raise ValueError(
            f"images has {images.parts.shape[1]} parts, needs the {len(PART_NAMES)} of CUB"
        )
    rows = rows_of(images, regions.ids)
    frames = frames_of(images, rows, image_size=regions.size, crop_ratio=regions.crop_ratio)
    points = frames.points(images.parts[rows])
    return part_coverage(
        regions.boxes,
        regions.scales,
        points,
        images.visible[rows] & frames.inside(points),
        {name: [PART_NAMES.index(part) for part in parts] for name, parts in GROUPS.items()},
        anchors=anchors.boxes.numpy(),
        anchor_scales=anchors.scales.numpy(),
    )


def object_under(images: ImageSet, regions: Regions, anchors: Anchors) -> Coverage:
    """How often a chosen box has its centre on the object's box, for sets without parts."""
    rows = rows_of(images, regions.ids)
    frames = frames_of(images, rows, image_size=regions.size, crop_ratio=regions.crop_ratio)
    return centre_coverage(
        regions.boxes,
        regions.scales,
        frames.boxes(images.boxes[rows][:, None])[:, 0],
        anchors=anchors.boxes.numpy(),
        anchor_scales=anchors.scales.numpy(),
    )


def region_arrays(
    images: ImageSet,
    chosen: Mapping[str, Regions],
    proposals: Mapping[str, Proposals],
    found: Mapping[str, Mapping[str, Coverage]],
) -> dict[str, NDArray[Any]]:
    """Per-image arrays of section 3.2's page.

    Args:
        images: the set.
        chosen: method -> its boxes; `WARM_UP` and each scorer signal, on the same queries.
        proposals: the same methods -> scores of all boxes.
        found: the same methods -> coverage by group.
    """
    before = chosen[WARM_UP]
    arrays: dict[str, NDArray[Any]] = {"held_out_ids": before.ids}
    for method, regions in chosen.items():
        if not np.array_equal(regions.ids, before.ids):
            raise ValueError(f"chosen {method!r} has other queries than {WARM_UP!r}")
        key = slug(method)
        asked = proposals[method]
        arrays |= {
            f"{key}_boxes": regions.boxes,
            f"{key}_scores": regions.scores,
            f"{key}_side": box_sides(asked.anchors.boxes[asked.joint()].numpy()).mean(axis=1),
            f"{key}_small": asked.small(asked.joint()).mean(axis=1),
            f"{key}_all_kept": np.ones(len(regions)),
            f"{key}_kept": asked.surviving(asked.joint()),
            f"{key}_kept_closed": asked.surviving(asked.joint(drop_equal=True)),
            f"{key}_moved": boxes_moved(before.boxes, regions.boxes),
        }
        sides = arrays[f"{key}_side"], arrays[f"{slug(WARM_UP)}_side"]
        arrays[f"{key}_side_change"] = sides[0] - sides[1]
        arrays[f"{key}_any_moved"] = arrays[f"{key}_moved"] > 0
        for group, coverage in found[method].items():
            arrays[f"{key}_{slug(group)}"] = coverage.chosen
            arrays[f"{key}_{slug(group)}_chance"] = coverage.chance
    return arrays


def region_results(
    arrays: Mapping[str, NDArray[Any]],
    signals: tuple[str, ...],
    *,
    default: str,
    provenance: Provenance,
) -> list[Result]:
    """The page's measured claims; groups of parts that no image shows are left out."""

    def one(claim: str, label: str, unit: str | None = None, **rule: Any) -> Result:
        return measure(claim, rule, arrays, provenance=provenance, label=label, unit=unit)

    rank, own = slug(WARM_UP), slug(default)
    closed = {"kind": "excess", "of": f"{own}_all_kept", "against": f"{own}_kept_closed"}
    results = [
        one(
            CLAIM_NMS,
            "Small boxes lost to NMS over all scales, equal overlap kept",
            **{**closed, "against": f"{own}_kept"},
        ),
        one(CLAIM_NMS, "Small boxes lost to NMS over all scales, equal overlap closed", **closed),
        one(CLAIM_NMS, "Of these, closed by a large box", **{**closed, "of": f"{own}_kept"}),
    ]
    for method in (WARM_UP, *signals):
        key = slug(method)
        results += [
            one(
                own_claim(method, "side"),
                f"Mean side of the four best boxes, all scales competing: {method}",
                unit="pixels",
                kind="mean",
                of=f"{key}_side",
            )
        ]
    for signal in signals:
        key = slug(signal)
        changed: dict[str, Any] = {"kind": "share", "of": f"{key}_any_moved"}
        label = f"Images whose boxes changed after the warm-up: {signal}"
        results += [
            one(own_claim(signal, "moved"), label, **changed),
            one(
                own_claim(signal, "moved-boxes"),
                f"Boxes that changed after the warm-up: {signal}",
                kind="mean-share",
                of=f"{key}_moved",
            ),
        ]
        if signal == default:
            results.append(one("ccfr.fig4", label, **changed))
        for group in GROUPS:
            if not len(arrays[f"{key}_{slug(group)}"]):
                continue
            gain = {
                "kind": "excess",
                "of": f"{key}_{slug(group)}",
                "against": f"{rank}_{slug(group)}",
            }
            label = f"Boxes on the {group}, after the triplet loss minus before: {signal}"
            results.append(one(own_claim(signal, f"gain-{slug(group)}"), label, **gain))
            if signal == default and group in ("head", "wing"):
                results.append(one(CLAIM_TRIPLET, label, **gain))
        if signal == default:
            smaller = {"kind": "mean", "of": f"{key}_side_change"}
            label = f"Mean side after the triplet loss minus before, all scales competing: {signal}"
            results.append(one(CLAIM_TRIPLET, label, unit="pixels", **smaller))
    return results


def sharing_arrays(runs: Mapping[str, Run]) -> dict[str, NDArray[Any]]:
    """Answers of the runs ``shared`` and ``apart`` on the same held-out images, and the truth."""
    found = {
        f"{name}_predictions": run.predictions["query_probs"].argmax(axis=1)
        for name, run in runs.items()
    }
    return found | {"held_out_labels": runs["shared"].predictions["query_labels"]}


def sharing_result(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> Result:
    """One extractor for image and regions, minus one each: held-out accuracy, in points."""
    pair = {"of": "shared_predictions", "against": "apart_predictions"}
    return measure(
        CLAIM_SHARING,
        {"kind": "difference", **pair, "labels": "held_out_labels"},
        arrays,
        provenance=provenance,
        label="One extractor for image and regions, minus one each",
    )


def method_table(
    results: Sequence[Result], methods: Sequence[str], columns: Mapping[str, str]
) -> Table:
    """A row a method, a column a number with its interval; blank where there is none.

    Args:
        results: of `region_results` and `part_results`.
        methods: the rows.
        columns: header -> what follows the method in the result's claim, as in `MOVES`.
    """
    known = {result.claim: result for result in results}
    rows = []
    for method in methods:
        found = [known.get(own_claim(method, what)) for what in columns.values()]
        measured = [result for result in found if result is not None]
        cells = [Cell("" if r is None else _with_interval(r)) for r in found]
        rows.append((Cell(method), *cells, badge(measured[0]) if measured else Cell("")))
    return Table(("Method", *columns, "Protocol"), tuple(rows), frozenset(columns))


def part_results(
    arrays: Mapping[str, NDArray[Any]], methods: tuple[str, ...], *, provenance: Provenance
) -> list[Result]:
    """Share of boxes on each group of parts, and what of it is above chance, by method."""
    results = []
    for method in methods:
        for group in GROUPS:
            name = f"{slug(method)}_{slug(group)}"
            if not len(arrays[name]):
                continue
            rules = {
                own_claim(method, f"share-{slug(group)}"): (
                    f"Boxes on the {group}: {method}",
                    {"kind": "mean-share", "of": name},
                ),
                own_claim(method, f"excess-{slug(group)}"): (
                    f"Boxes on the {group}, over chance: {method}",
                    {"kind": "excess", "of": name, "against": f"{name}_chance"},
                ),
            }
            results += [
                measure(claim, rule, arrays, provenance=provenance, label=label)
                for claim, (label, rule) in rules.items()
            ]
    return results


def _with_interval(result: Result) -> str:
    low, high = result.interval
    return f"{result.value:.1f} ({low:.1f} to {high:.1f})"


def own_claim(method: str, what: str) -> str:
    """The id of a number of a method that the paper has none for."""
    return f"{OWN}ccfr.regions.{slug(method)}.{what}"


def slug(text: str) -> str:
    """A name of an array or claim: lower-case words joined by hyphens.

    >>> slug("belly and breast")
    'belly-and-breast'
    """
    return text.lower().replace(" ", "-")
