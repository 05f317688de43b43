"""Accuracy as a surface over two thresholds (ccfr, Fig. 6 c and d), to be turned by the reader.

One object with three faces: on a page of the book a figure that the pointer turns, drawn by the
local copy of plotly.js that `book/_ext/fgnb_book.py` puts beside pages that ask for it; in
JupyterLab plotly's own renderer; on paper and without script a picture from two sides.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import yaml

from fgnb.report.embed import embedded, filled, resource
from fgnb.report.figures import Picture, described, literal, subplots

MARK = "fgnb-surface"  # by this class the book's extension knows a page that needs plotly.js
NAMES = ("T_sf", "T_sc")
PLOTLY = "application/vnd.plotly.v1+json"
_SIDES = ((28, -125), (24, -35))  # elevation and azimuth of the two printed views, degrees


class Surface:
    """Accuracy over both thresholds; displayed by a notebook in all its faces.

    Args:
        first: float[A], values of T_sf, ascending.
        second: float[B], those of T_sc.
        accuracy: float[A, B], in [0, 1].
        title: one line: whose accuracy, on which images.
        name: id of the element, unique on a page: lower-case letters, digits and hyphens.

    Raises:
        ValueError: any of them is not like that.
    """

    def __init__(
        self,
        first: Sequence[float],
        second: Sequence[float],
        accuracy: Any,
        *,
        title: str = "Accuracy over both thresholds",
        name: str = "surface",
    ) -> None:
        self.title, self.name = title, name
        self.first, self.second = np.array(first, np.float64), np.array(second, np.float64)
        self.percent = 100 * np.asarray(accuracy, dtype=np.float64)
        shape = (len(self.first), len(self.second))
        if self.percent.shape != shape:
            raise ValueError(f"accuracy has shape {self.percent.shape}, needs {shape}")
        for label, values in (("first", self.first), ("second", self.second)):
            if len(values) < 2 or (np.diff(values) <= 0).any():
                needed = "two or more ascending values"
                raise ValueError(f"{label} is {values.tolist()}, needs {needed}")
        low, high = self.percent.min(), self.percent.max()
        if not (low >= 0 and high <= 100):
            ends = f"{low / 100:.4g} to {high / 100:.4g}"
            raise ValueError(f"accuracy runs from {ends}, needs numbers in [0, 1]")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"name is {name!r}, needs lower-case letters, digits and hyphens")

    @property
    def alt(self) -> str:
        """What it shows, in a sentence with its numbers."""
        # Of equal points that with the lowest first and the highest second setting, as in `tune`.
        backward = self.percent[:, ::-1]
        a, b = np.unravel_index(int(backward.argmax()), backward.shape)
        best = zip(NAMES, (self.first[a], self.second[::-1][b]), strict=True)
        axes = zip(NAMES, (self.first, self.second), strict=True)
        over = " and ".join(f"{name} from {of[0]:g} to {of[-1]:g}" for name, of in axes)
        levels = f"from {self.percent.min():.2f} % to {self.percent.max():.2f} %"
        highest = ", ".join(f"{name} {value:g}" for name, value in best)
        return f"{self.title}: a surface over {over}, {levels}, highest at {highest}."

    def plotly(self) -> dict[str, Any]:
        """Data and layout for plotly.js, as plain values."""
        import plotly.graph_objects as go

        kept = yaml.safe_load(resource(__package__, "surface.yaml"))
        x, y, z = self.first.tolist(), self.second.tolist(), self.percent.T.tolist()
        surface = go.Surface(x=x, y=y, z=z, **kept["trace"])
        kept["layout"]["title"]["text"] = html.escape(self.title)
        plain: dict[str, Any] = go.Figure([surface], kept["layout"]).to_plotly_json()
        return plain

    @cached_property
    def picture(self) -> Picture:
        """The print face: the surface from two sides, as in the paper's (c) and (d)."""
        figure, sides = subplots(9.2, 4.1, 1, 2, subplot_kw={"projection": "3d"})
        x, y = np.meshgrid(self.first, self.second, indexing="ij")
        for axes, (elevation, azimuth) in zip(sides, _SIDES, strict=True):
            axes.plot_surface(x, y, self.percent, cmap="viridis", linewidth=0.3)
            axes.view_init(elevation, azimuth)
            axes.set(xlabel=NAMES[0], ylabel=NAMES[1], zlabel="accuracy, %")
            axes.set_box_aspect(None, zoom=0.88)
        figure.suptitle(literal(self.title), fontsize=10)
        return described(figure, self.alt)

    def html(self) -> str:
        """The page face: the picture, and in its place the turnable figure where script can."""
        data, alt = embedded(self.plotly()), html.escape(self.alt, quote=True)
        words = {"mark": MARK, "data": data, "alt": alt, "png": self._png()}
        return filled(__package__, "surface.html", name=self.name, **words)

    def _png(self) -> str:
        return base64.b64encode(self.picture.png()).decode("ascii")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        faces = {"text/plain": self.alt, "text/html": self.html(), "image/png": self._png()}
        return faces | {PLOTLY: self.plotly()}, {"image/png": {"alt": self.alt}}
