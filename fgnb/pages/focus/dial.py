"""Two dials over one attention map: the width of the Gaussian and the overlap that NMS allows.

Every setting's map and boxes are computed by the library and packed into the page; the script of
dial.html only picks among them, so it can't disagree with the code.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fgnb.focus.attention import smooth
from fgnb.focus.spec import FocusSpec
from fgnb.pages.focus.attention_figures import RANK_COLOURS, SHOWN, best_boxes, draw_regions
from fgnb.report.embed import embedded, filled
from fgnb.report.figures import Picture, described

SIGMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
IOUS = (0.05, 0.15, 0.25, 0.4, 0.6)
START = (SIGMAS.index(1.0), IOUS.index(0.25))
NAME = "region-dial"  # the element's id


class RegionDial:
    """One image's map and boxes under every pair of settings; displayed by a notebook.

    Args:
        picture: the frame, float32 ``[S, S, 3]`` in [0, 1].
        grid: the unsmoothed map, ``Tensor[h, w]``.
        spec: size of the boxes and border.
    """

    def __init__(self, picture: NDArray[np.float32], grid: Tensor, spec: FocusSpec) -> None:
        self.image = picture
        self.maps = [smooth(grid[None], sigma)[0] for sigma in SIGMAS]
        self.boxes = [[best_boxes(m, replace(spec, iou=iou)) for iou in IOUS] for m in self.maps]
        choices = len({str(boxes.tolist()) for row in self.boxes for boxes in row})
        self.alt = (
            f"An attention map and its {SHOWN} best boxes at sigma {SIGMAS[START[0]]:g} and IoU "
            f"{IOUS[START[1]]:g}. Over {len(SIGMAS)} widths and {len(IOUS)} overlaps there are "
            f"{choices} choices of boxes."
        )

    @property
    def print_face(self) -> Picture:
        """The starting setting as a figure, for paper and for readers without script."""
        figure, (row, column) = Picture(figsize=(3.2, 3.2), layout="constrained"), START
        draw_regions(figure.subplots(), self.image, self.maps[row], self.boxes[row][column])
        return described(figure, self.alt)

    def packed(self) -> dict[str, Any]:
        """What the page's script picks from; colours of cells, boxes as shares of the frame."""
        low = min(float(m.min()) for m in self.maps)
        span = max(float(m.max()) for m in self.maps) - low or 1.0
        colours, to_hex = matplotlib.colormaps["cividis"], matplotlib.colors.to_hex
        shades = [colours((m.numpy() - low) / span) for m in self.maps]
        size = len(self.image)
        return {
            "sigmas": SIGMAS,
            "ious": IOUS,
            "cells": [[[to_hex(cell) for cell in row] for row in grid] for grid in shades],
            "boxes": [[(b / size).round(decimals=4).tolist() for b in row] for row in self.boxes],
            "colours": RANK_COLOURS,
        }

    def html(self) -> str:
        """The page face: two sliders beside the map; nothing is fetched."""
        frame = io.BytesIO()
        Image.fromarray((255 * self.image).round().astype(np.uint8)).save(frame, format="PNG")
        pngs = (frame.getvalue(), self.print_face.png())
        shown = (base64.b64encode(png).decode("ascii") for png in pngs)
        last = {"last_sigma": str(len(SIGMAS) - 1), "last_iou": str(len(IOUS) - 1)}
        words = zip(("sigma", "iou", "frame", "print"), (*map(str, START), *shown), strict=True)
        own = {"name": NAME, "alt": html.escape(self.alt), "data": embedded(self.packed())}
        return filled("fgnb.pages.focus", "dial.html", **own, **last, **dict(words))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data, about = self.print_face._repr_mimebundle_()
        return {"text/html": self.html(), **data}, about
