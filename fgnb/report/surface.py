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

from fgnb.report.embed import embedded, filled
from fgnb.report.figures import Picture, described, literal

MARK = "fgnb-surface"  # by this class the book's extension knows a page that needs plotly.js
PLOTLY = "application/vnd.plotly.v1+json"
_COLOURS = "Viridis"  # warm and light is high, as in the paper; ordered for every colour vision
_SIDES = ((28, -125), (24, -35))  # elevation and azimuth of the two printed views, degrees


class Surface:
    """Accuracy over two settings; displayed by a notebook in all its faces.

    Args:
        first: float[A], the values of the first setting, ascending.
        second: float[B], those of the second.
        accuracy: float[A, B], in [0, 1].
        names: of the two settings.
        title: one line: whose accuracy, on which images.
        name: id of the element, unique on a page: lower-case letters, digits and hyphens.

    Raises:
        ValueError: a wrong shape, fewer than two values of a setting, values that don't ascend, an
            accuracy out of range, a bad name.
    """

    def __init__(
        self,
        first: Sequence[float],
        second: Sequence[float],
        accuracy: Any,
        *,
        names: tuple[str, str] = ("T_sf", "T_sc"),
        title: str = "Accuracy over both thresholds",
        name: str = "surface",
    ) -> None:
        self.first, self.second = (np.asarray(v, dtype=np.float64) for v in (first, second))
        self.percent = 100 * np.asarray(accuracy, dtype=np.float64)
        needed = (len(self.first), len(self.second))
        if self.percent.shape != needed:
            raise ValueError(f"accuracy has shape {self.percent.shape}, needs {needed}")
        for label, values in (("first", self.first), ("second", self.second)):
            if len(values) < 2 or (np.diff(values) <= 0).any():
                raise ValueError(
                    f"{label} is {values.tolist()}, needs two or more ascending values"
                )
        if not ((self.percent >= 0) & (self.percent <= 100)).all():
            raise ValueError(
                f"accuracy runs from {self.percent.min() / 100:.4g} to "
                f"{self.percent.max() / 100:.4g}, needs numbers in [0, 1]"
            )
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"name is {name!r}, needs lower-case letters, digits and hyphens")
        self.names, self.title, self.name = names, title, name

    @property
    def alt(self) -> str:
        """What it shows, in a sentence with its numbers."""
        # Of equal points that with the lowest first and the highest second setting, as in `tune`.
        backward = self.percent[:, ::-1]
        a, b = np.unravel_index(int(backward.argmax()), backward.shape)
        first, second = self.first[a], self.second[::-1][b]
        return (
            f"{self.title}: a surface over {self.names[0]} from {self.first[0]:g} to "
            f"{self.first[-1]:g} and {self.names[1]} from {self.second[0]:g} to "
            f"{self.second[-1]:g}, from {self.percent.min():.2f} % to {self.percent.max():.2f} %, "
            f"highest at {self.names[0]} {first:g}, {self.names[1]} {second:g}."
        )

    def plotly(self) -> dict[str, Any]:
        """Data and layout for plotly.js, as plain values."""
        import plotly.graph_objects as go

        hover = f"{self.names[0]} %{{x}}<br>{self.names[1]} %{{y}}<br>%{{z:.2f}} %<extra></extra>"
        surface = go.Surface(
            x=self.first.tolist(),
            y=self.second.tolist(),
            z=self.percent.T.tolist(),
            colorscale=_COLOURS,
            hovertemplate=hover,
            colorbar={"title": {"text": "%"}, "len": 0.7},
            contours={"z": {"show": True, "color": "#ffffff", "width": 1}},
        )
        axes = {
            "xaxis": {"title": {"text": self.names[0]}},
            "yaxis": {"title": {"text": self.names[1]}},
            "zaxis": {"title": {"text": "accuracy, %"}},
        }
        camera = {"eye": {"x": -1.6, "y": -1.7, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.12}}
        layout = {
            "title": {"text": html.escape(self.title), "font": {"size": 14}},
            "scene": {**axes, "camera": camera, "aspectmode": "cube"},
            "height": 480,
            "margin": {"l": 0, "r": 0, "t": 40, "b": 0},
            "paper_bgcolor": "#ffffff",
            "template": None,
        }
        plain: dict[str, Any] = go.Figure([surface], layout).to_plotly_json()
        return {"data": plain["data"], "layout": plain["layout"]}

    @cached_property
    def picture(self) -> Picture:
        """The print face: the surface from two sides, as in the paper's (c) and (d)."""
        figure = Picture(figsize=(9.2, 4.1), layout="constrained")
        x, y = np.meshgrid(self.first, self.second, indexing="ij")
        for place, (elevation, azimuth) in enumerate(_SIDES, start=1):
            axes: Any = figure.add_subplot(1, 2, place, projection="3d")
            axes.plot_surface(x, y, self.percent, cmap=_COLOURS.lower(), linewidth=0.3)
            axes.view_init(elevation, azimuth)
            axes.set_xlabel(literal(self.names[0]))
            axes.set_ylabel(literal(self.names[1]))
            axes.set_zlabel("accuracy, %")
            axes.set_box_aspect(None, zoom=0.88)
        figure.suptitle(literal(self.title), fontsize=10)
        return described(figure, self.alt)

    def html(self) -> str:
        """The page face: the picture, and in its place the turnable figure where script can."""
        return filled(
            __package__,
            "surface.html",
            name=self.name,
            mark=MARK,
            data=embedded(self.plotly()),
            alt=html.escape(self.alt, quote=True),
            png=self._png(),
        )

    def _png(self) -> str:
        return base64.b64encode(self.picture.png()).decode("ascii")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        faces = {"text/plain": self.alt, "text/html": self.html(), "image/png": self._png()}
        return faces | {PLOTLY: self.plotly()}, {"image/png": {"alt": self.alt}}
