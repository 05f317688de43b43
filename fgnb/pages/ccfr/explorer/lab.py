"""The JupyterLab face: ipywidgets over `fgnb.ccfr.rerank_neighbors`, live with a kernel."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as widgets

from fgnb.ccfr.settings import Settings
from fgnb.pages.ccfr.explorer.controls import GATES, RESETS, Control, controls
from fgnb.pages.ccfr.explorer.outcome import Change, evaluate
from fgnb.pages.ccfr.explorer.static import png, static_figure
from fgnb.pages.ccfr.explorer.stored import StoredAnswers

_WIDE, _NARROW = widgets.Layout(width="22rem"), widgets.Layout(width="7rem")
_SHOWN = 30


class LabView:
    """The controls (``fields`` by key), what they do, and the neighbours of one changed answer."""

    def __init__(
        self, answers: StoredAnswers, settings: Mapping[str, Settings], *, title: str, note: str
    ) -> None:
        self.answers, self.settings, self.title = answers, settings, title
        self.setting, self._quiet = settings["start"], False
        self.fields: dict[str, Any] = {}
        self._sliders: dict[str, Any] = {}
        self.summary, self.changes, self.neighbours = (widgets.HTML() for _ in range(3))
        self.plot = widgets.Image(format="png", layout=widgets.Layout(max_width="560px"))
        self.look = widgets.Dropdown(description="look at", layout=_WIDE)
        self.look.observe(self._show_neighbours, names="value")
        rows = [self._control(c) for c in controls(answers.ranks, answers.sims.shape[1])]
        heading = f"<b>{html.escape(title)}</b><br><small>{html.escape(note)}</small>"
        resets = [self._button(key) for key in RESETS if key in settings]
        side = widgets.VBox([*rows, self._gate(), *resets])
        main = widgets.VBox([self.summary, self.plot])
        moved = widgets.HBox([side, main], layout=widgets.Layout(flex_flow="row wrap"))
        shown = (self.changes, self.look, self.neighbours)
        self.widget = widgets.VBox([widgets.HTML(heading), moved, *shown])
        self.widget.add_class("fgnb-explorer")  # the page face's class: one name for both
        self._to(self.setting)

    def mime(self) -> dict[str, Any]:
        """The widget's part of a MIME bundle."""
        view = "application/vnd.jupyter.widget-view+json"
        return {view: self.widget._repr_mimebundle_()[view]}

    def set(self, setting: Settings) -> None:
        """Move every control to ``setting``."""
        self._quiet = True
        for moved in (self.fields, self._sliders):
            for key, control in moved.items():
                control.value = getattr(setting, key)
        self._quiet = False
        self._to(setting)

    def _control(self, c: Control) -> widgets.HBox:
        value, ends = getattr(self.setting, c.key), {"min": c.low, "max": c.high}
        about = {"description": c.label, "description_tooltip": c.help, "step": c.step}
        look = {"layout": _WIDE, "style": {"description_width": "4rem"}, "readout": False}
        kind = widgets.IntSlider if c.whole else widgets.FloatSlider
        slider = kind(value=value, continuous_update=False, **ends, **about, **look)
        field: Any = widgets.FloatText(value=value, layout=_NARROW)
        if c.whole:
            field = widgets.BoundedIntText(value=value, **ends, layout=_NARROW)
        self.fields[c.key], self._sliders[c.key] = field, slider
        slider.observe(partial(self._slid, c.key), names="value")
        field.observe(partial(self._typed, c.key), names="value")
        return widgets.HBox([slider, field])

    def _gate(self) -> widgets.RadioButtons:
        options = [(words, key) for key, words in GATES.items()]
        about = {"description": "T_sf gates", "layout": widgets.Layout(width="26rem")}
        gate = widgets.RadioButtons(options=options, value=self.setting.gate, **about)
        gate.observe(partial(self._typed, "gate"), names="value")
        self.fields["gate"] = gate
        return gate

    def _button(self, key: str) -> widgets.Button:
        button = widgets.Button(description=RESETS[key], layout=_WIDE)
        button.on_click(lambda _: self.set(self.settings[key]))
        return button

    def _slid(self, key: str, change: Any) -> None:
        if not self._quiet:
            self.fields[key].value = change["new"]

    def _typed(self, key: str, change: Any) -> None:
        if self._quiet:
            return
        if key in self._sliders:  # the slider follows; the field keeps the exact number
            self._quiet, slider = True, self._sliders[key]
            slider.value = min(max(change["new"], slider.min), slider.max)
            self._quiet = False
        self._to(replace(self.setting, **{key: change["new"]}))

    def _to(self, setting: Settings) -> None:
        self.setting, self.outcome = setting, evaluate(self.answers, setting)
        self.summary.value = html.escape(self.outcome.summary())
        shown = {**self.settings, "start": setting}
        self.plot.value = png(static_figure(self.answers, shown, self.title), dpi=90)
        changed, names = self.outcome.changed, self.answers.query_names
        lines = "".join(map(self._line, changed[:_SHOWN]))
        more = f"<p>and {len(changed) - _SHOWN} more</p>" if len(changed) > _SHOWN else ""
        self.changes.value = f"<table>{lines}</table>{more}" if changed else "No answer changes."
        self.look.options = [(names[change.query], change.query) for change in changed]
        self._show_neighbours()

    def _line(self, change: Change) -> str:
        _, true, before, after = (self.answers.class_names[c] for c in (0, *change[1:]))
        words = f"{self.answers.query_names[change.query]}: {before} → {after} (true: {true})"
        return f"<tr><td>{change.kind}</td><td>{html.escape(words)}</td></tr>"

    def _show_neighbours(self, _: Any = None) -> None:
        q, names = self.look.value, self.answers.class_names
        if q is None:
            self.neighbours.value = ""
            return
        sims = self.answers.sims[q, : self.setting.topm].astype(float)
        over = int((sims > self.setting.t_sc).sum())  # they descend
        near = zip(self.answers.neighbor_labels[q, :over], sims, strict=False)
        items = "".join(f"<li>{html.escape(names[c])} {sim:.3f}</li>" for c, sim in near)
        self.neighbours.value = f"neighbours over T_sc: {over}<ol>{items}</ol>"
