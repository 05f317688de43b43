"""Where the regions of focus's page of results lie (section 4.3, Fig. 2), against chance.

The paper reads its figure; here shares are counted: of boxes whose centre is on the object, and, on
sets with part locations, of boxes that hold a part. NTS has boxes of several sizes and so a chance
of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgnb.data import PART_NAMES, ImageSet
from fgnb.metrics.coverage import Coverage
from fgnb.nn.regions import Anchors
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.region_results import GROUPS, object_under, parts_under, slug
from fgnb.report.region_sets import PARTS
from fgnb.report.regions import Regions
from fgnb.report.results import OWN, Result

MAIN = "ours"
CLAIM = "focus.claim.regions-sit-on-parts"


class Found(NamedTuple):
    """A method's boxes, and all boxes that it could have chosen."""

    regions: Regions
    anchors: Anchors


def coverage(images: ImageSet, found: Mapping[str, Found]) -> dict[str, dict[str, Coverage]]:
    """Method -> ``object`` and each group of parts -> coverage; parts where the set has them."""
    birds = images.parts.shape[1] == len(PART_NAMES)
    return {
        name: {"object": object_under(images, *method)}
        | (parts_under(images, *method) if birds else {})
        for name, method in found.items()
    }


def region_arrays(
    found: Mapping[str, Found], under: Mapping[str, Mapping[str, Coverage]]
) -> dict[str, NDArray[Any]]:
    """Boxes of each method and per-image shares, under ``<method>_<group>``."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, method in found.items():
        key, boxes = slug(name), method.regions.boxes
        arrays |= {f"{key}_boxes": boxes, f"{key}_count": np.full(len(boxes), boxes.shape[1])}
        for group, covered in under[name].items():
            arrays[f"{key}_{slug(group)}"] = covered.chosen
            arrays[f"{key}_{slug(group)}_chance"] = covered.chance
    return arrays


def region_results(
    arrays: Mapping[str, NDArray[Any]], names: Mapping[str, str], *, provenance: Provenance
) -> list[Result]:
    """Fig. 2 in numbers; groups that no image shows are left out.

    Args:
        arrays: of `region_arrays`.
        names: method -> its name on the page; `MAIN` among them.
        provenance: of `fgnb.report.collect`.
    """

    def one(claim: str, label: str, unit: str | None = None, **rule: str) -> Result:
        return measure(claim, rule, arrays, provenance=provenance, label=label, unit=unit)

    main = slug(MAIN)
    results = [
        one("focus.text.shown-regions", "Boxes drawn", "count", kind="mean", of=f"{main}_count"),
        one("focus.fig2", "Box centres on the object", kind="mean-share", of=f"{main}_object"),
    ]
    for name, words in names.items():
        for group in ("object", *GROUPS):
            of = f"{slug(name)}_{slug(group)}"
            if not len(arrays.get(of, ())):
                continue
            own = f"{OWN}focus.regions.{slug(name)}.{slug(group)}"
            claim = CLAIM if name == MAIN and group in PARTS else own
            label = "Box centres on the object" if group == "object" else f"Boxes on the {group}"
            over = {"kind": "excess", "of": of, "against": f"{of}_chance"}
            results.append(one(claim, f"{label}, over chance: {words}", **over))
    return results
