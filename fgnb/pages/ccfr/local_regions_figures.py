"""Section 3.2 of ccfr in pictures: what each method chose, and suppression step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fgnb.data import ImageSet
from fgnb.nn.nts_proposer import SIDES, nts_anchors
from fgnb.pages.ccfr.local_regions import LITERAL, NTS, SHOWN, Look
from fgnb.report import regions
from fgnb.report.figures import Picture, bare, described, subplots


class Figures(NamedTuple):
    """The pictures of a set and of what its rows chose."""

    images: ImageSet
    looks: Mapping[str, Look]

    def chosen(self, count: int = 6) -> Picture:
        """Fig. 4: the boxes of each method on some held-out pictures, those of NTS above.

        NTS's are coloured by the map that they belong to: small, middle, large.
        """
        shown = {
            label: self.looks[row].regions for row, label in SHOWN.items() if row in self.looks
        }
        levels: dict[str, Any] = {}
        if rival := shown.get(SHOWN[NTS]):
            sides = np.unique(nts_anchors(rival.size).scales.numpy())
            maps = np.repeat(
                np.arange(len(SIDES), dtype=np.float32), list(map(len, SIDES.values()))
            )
            own = maps[np.searchsorted(sides, rival.scales)]
            shown[SHOWN[NTS]], levels[SHOWN[NTS]] = replace(rival, scales=own), maps
        rows = [(label, self.images, own) for label, own in shown.items()]
        return regions.spread(rows, count, levels)

    def coverage(self) -> Picture:
        """What the boxes of each method lie on."""
        found = {SHOWN[row]: self.looks[row].on for row in SHOWN if row in self.looks}
        return regions.coverage_chart(found)

    def suppression(self, query: int, method: str = LITERAL) -> Picture:
        """One image: the scores of both scales, then the boxes under three rules of NMS."""
        own, scored = self.looks[method].regions, self.looks[method].proposals
        assert scored is not None, f"{method} keeps no scores of all boxes"
        query, anchors = min(query, len(own) - 1), scored.anchors
        place = int(self.images.rows_of(own.ids[[query]])[0])
        picture = regions.framed(self.images, place, size=own.size, framing=own.framing)
        scores, levels = scored.scores[query].numpy(), anchors.levels.numpy()
        figure, panels = subplots(9.0, 2.3, 1, 5)
        for level, axes in enumerate(panels[:2]):
            values = scores[levels == level]
            cells = round(len(values) ** 0.5)
            drawn: Any = {"extent": (0, cells, cells, 0)}
            axes.imshow(picture, **drawn)
            drawn |= {"cmap": "cividis", "alpha": 0.75, "vmin": scores.min(), "vmax": scores.max()}
            axes.imshow(values.reshape(cells, cells), **drawn)
            side = float(anchors.scales[levels == level][0])
            axes.set_title(f"scores of {cells}×{cells} boxes\nof {side:.0f} px", fontsize=8)
        rules = {
            "on each scale": scored.separate(),
            "over all scales": scored.joint(),
            "over all scales,\nequal overlap closed": scored.joint(drop_equal=True),
        }
        for axes, (name, index) in zip(panels[2:], rules.items(), strict=True):
            axes.imshow(picture, extent=(0, own.size, own.size, 0))
            boxes, scales = (of[index[query]].numpy() for of in (anchors.boxes, anchors.scales))
            regions.draw_boxes(axes, boxes, scales, anchors.scales.numpy())
            axes.set_title(name, fontsize=8)
        for axes in panels:
            bare(axes)
        small = [f"{name}: {scored.small(index)[query].sum()}" for name, index in rules.items()]
        words = "; ".join(small).replace("\n", " ")
        what = "Scores of all boxes of two scales on one image, and the four boxes chosen"
        return described(figure, f"{what}; of them are small, by rule: {words}.")
