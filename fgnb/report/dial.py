"""Two dials over one attention map: the width of the Gaussian and the overlap that NMS allows.

Every setting's map and boxes are computed by the library and packed into the page; the script only
picks among them, so it can't disagree with the code. Without script the picture of the starting
setting stands there.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fgnb.focus.attention import smooth
from fgnb.focus.proposals import propose_regions
from fgnb.report.attention import RANK_COLOURS, SHOWN, draw_regions
from fgnb.report.embed import embedded
from fgnb.report.figures import Picture, described

SIGMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
IOUS = (0.05, 0.15, 0.25, 0.4, 0.6)
SIDE = 320  # pixels of the picture on the page


class RegionDial:
    """One image's map and boxes under every pair of settings; displayed by a notebook.

    Args:
        picture: the frame, float32 ``[S, S, 3]`` in [0, 1].
        grid: the unsmoothed map, ``Tensor[h, w]``.
        box_size: side of a box in pixels of the frame.
        sigmas: widths in cells, ascending.
        ious: overlaps, ascending.
        start: the (sigma, iou) to begin with; both among the values.
        name: id of the element, unique on a page: lower-case letters, digits and hyphens.

    Raises:
        ValueError: a start that is not among the values, a bad name.
    """

    def __init__(
        self,
        picture: NDArray[np.float32],
        grid: Tensor,
        *,
        box_size: float,
        sigmas: Sequence[float] = SIGMAS,
        ious: Sequence[float] = IOUS,
        start: tuple[float, float] = (1.0, 0.25),
        name: str = "region-dial",
    ) -> None:
        if start[0] not in sigmas or start[1] not in ious:
            raise ValueError(
                f"start is {start}, needs a sigma of {tuple(sigmas)} and an iou of {tuple(ious)}"
            )
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"name is {name!r}, needs lower-case letters, digits and hyphens")
        self.image, self.sigmas, self.ious = picture, tuple(sigmas), tuple(ious)
        self.start, self.name = start, name
        self.maps = [smooth(grid[None], sigma)[0] for sigma in sigmas]
        self.boxes = [
            [
                propose_regions(
                    m[None], image_size=len(picture), box_size=box_size, count=SHOWN, iou=iou
                )[0]
                for iou in ious
            ]
            for m in self.maps
        ]

    @property
    def place(self) -> tuple[int, int]:
        """Where the start is among the values."""
        return self.sigmas.index(self.start[0]), self.ious.index(self.start[1])

    @property
    def alt(self) -> str:
        """What it shows, in a sentence with its numbers."""
        sigma, iou = self.start
        kinds = len({str(boxes.tolist()) for row in self.boxes for boxes in row})
        return (
            f"An attention map and its {SHOWN} best boxes at sigma {sigma:g} and IoU {iou:g}. Over "
            f"{len(self.sigmas)} widths and {len(self.ious)} overlaps there are {kinds} choices of "
            "boxes."
        )

    @property
    def print_face(self) -> Picture:
        """The starting setting as a figure."""
        row, column = self.place
        figure = Picture(figsize=(3.2, 3.2), layout="constrained")
        draw_regions(
            figure.subplots(), self.image, self.maps[row], self.boxes[row][column], title=""
        )
        return described(figure, self.alt)

    def packed(self) -> dict[str, Any]:
        """What the page's script picks from; colours of cells, boxes as shares of the frame."""
        size = len(self.image)
        low = min(float(m.min()) for m in self.maps)
        span = max(float(m.max()) for m in self.maps) - low or 1.0
        colours = matplotlib.colormaps["cividis"]

        def cells(m: Tensor) -> list[list[str]]:
            values = (m.numpy() - low) / span
            return [[matplotlib.colors.to_hex(colours(v)) for v in row] for row in values]

        return {
            "sigmas": self.sigmas,
            "ious": self.ious,
            "cells": [cells(m) for m in self.maps],
            "boxes": [
                [(boxes / size).round(decimals=4).tolist() for boxes in row] for row in self.boxes
            ],
            "colours": RANK_COLOURS,
        }

    def html(self) -> str:
        """The page face: two sliders beside the map; nothing is fetched.

        Without the attribute that suppresses shortcuts JupyterLab takes the arrow keys to move
        between cells, and no dial turns. It must stand on the focused element itself: a shortcut
        for ``:focus`` is found there before any element around it is looked at.
        """
        row, column = self.place
        text = html.escape(self.alt, quote=True)
        png = base64.b64encode(self.print_face.png()).decode("ascii")
        return f"""<style>
#{self.name} svg {{ width: {SIDE}px; max-width: 100%; }}
#{self.name} label {{ display: block; margin: 0.4em 0; }}
#{self.name} .dials[hidden], #{self.name}[data-ready] img {{ display: none; }}
</style>
<div class="fgnb-dial" id="{self.name}" role="group" aria-label="{text}">
<script type="application/json">{embedded(self.packed())}</script>
<div class="dials" hidden>
<label>&sigma;, cells <input type="range" data-key="sigma" min="0" max="{len(self.sigmas) - 1}"
 step="1" value="{row}" data-lm-suppress-shortcuts="true"> <output></output></label>
<label>IoU <input type="range" data-key="iou" min="0" max="{len(self.ious) - 1}"
 step="1" value="{column}" data-lm-suppress-shortcuts="true"> <output></output></label>
<svg viewBox="0 0 1 1" role="img" aria-label="{text}"><image width="1" height="1"
 href="data:image/png;base64,{self._frame()}"/><g></g></svg>
</div>
<img src="data:image/png;base64,{png}" alt="{text}">
</div>
<script>(function () {{
  const place = document.getElementById("{self.name}");
  const data = JSON.parse(place.querySelector("script").textContent);
  const [sigma, iou] = place.querySelectorAll("input");
  const group = place.querySelector("g");
  function add(x, y, width, height, look) {{
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const all = Object.assign({{ x, y, width, height }}, look);
    Object.entries(all).forEach(([key, value]) => box.setAttribute(key, value));
    group.append(box);
  }}
  function draw() {{
    group.replaceChildren();
    const cells = data.cells[sigma.value], side = 1 / cells.length;
    cells.forEach((row, y) => row.forEach((fill, x) =>
      add(x * side, y * side, side, side, {{ fill, "fill-opacity": 0.6 }})));
    data.boxes[sigma.value][iou.value].map((box, rank) => [box, rank]).reverse()
      .forEach(([[x1, y1, x2, y2], rank]) => add(x1, y1, x2 - x1, y2 - y1,
        {{ fill: "none", stroke: data.colours[rank], "stroke-width": 0.012 }}));
    sigma.nextElementSibling.value = data.sigmas[sigma.value];
    iou.nextElementSibling.value = data.ious[iou.value];
  }}
  [sigma, iou].forEach((dial) => dial.addEventListener("input", draw));
  place.querySelector(".dials").hidden = false;
  place.dataset.ready = "yes";
  draw();
}})();</script>
"""

    def _frame(self) -> str:
        buffer = io.BytesIO()
        Image.fromarray((255 * self.image).round().astype(np.uint8)).save(buffer, format="PNG")
        return base64.b64encode(buffer.getvalue()).decode("ascii")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        png = base64.b64encode(self.print_face.png()).decode("ascii")
        data = {"text/html": self.html(), "image/png": png, "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}
