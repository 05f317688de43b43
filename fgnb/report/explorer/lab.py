"""The JupyterLab face: ipywidgets over `fgnb.ccfr.rerank_neighbors`, live with a kernel."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from fgnb.report.explorer.controls import GATES, Control, controls
from fgnb.report.explorer.data import Material
from fgnb.report.explorer.outcome import Change, Outcome, evaluate
from fgnb.report.explorer.page import RESETS
from fgnb.report.explorer.static import png, static_figure

if TYPE_CHECKING:
    from fgnb.ccfr.settings import Settings

_WIDE = widgets.Layout(width="22rem")
_SHOWN = 30


class LabView:
    """The controls, what they do, and the neighbours of one changed answer.

    Attributes:
        fields: the number field of each control by key, and ``gate``.
        setting: the setting shown.
        outcome: its outcome.
    """

    def __init__(
        self, material: Material, settings: Mapping[str, Settings], *, title: str, note: str
    ) -> None:
        self.material, self.settings, self.title = material, settings, title
        self.setting = settings["start"]
        self.outcome: Outcome = evaluate(material, self.setting)
        self.fields: dict[str, Any] = {}
        self._sliders: dict[str, Any] = {}
        self._quiet = False
        self.summary, self.changes = widgets.HTML(), widgets.HTML()
        self.plot = widgets.Image(format="png", layout=widgets.Layout(max_width="560px"))
        self.look = widgets.Dropdown(description="look at", layout=_WIDE)
        self.neighbours = widgets.HTML()
        self.look.observe(lambda change: self._show_neighbours(), names="value")
        table = controls(material.ranks, material.sims.shape[1])
        rows = [self._control(control) for control in table]
        heading = f"<b>{html.escape(title)}</b><br><small>{html.escape(note)}</small>"
        side = widgets.VBox([*rows, self._gate(), *self._buttons()])
        main = widgets.VBox([self.summary, self.plot])
        self.widget = widgets.VBox(
            [
                widgets.HTML(heading),
                widgets.HBox([side, main], layout=widgets.Layout(flex_flow="row wrap")),
                self.changes,
                self.look,
                self.neighbours,
            ]
        )
        self.widget.add_class("fgnb-explorer")  # the page face's class: one name for both
        self._show()

    def mime(self) -> dict[str, Any]:
        """The widget's part of a MIME bundle."""
        view = "application/vnd.jupyter.widget-view+json"
        return {view: self.widget._repr_mimebundle_()[view]}

    def set(self, setting: Settings) -> None:
        """Move every control to ``setting``."""
        self._quiet = True
        for key, field in self.fields.items():
            field.value = getattr(setting, key)
            if key in self._sliders:
                self._sliders[key].value = getattr(setting, key)
        self._quiet = False
        self._to(setting)

    def _control(self, c: Control) -> widgets.HBox:
        value, style = getattr(self.setting, c.key), {"description_width": "4rem"}
        slider_kind = widgets.IntSlider if c.whole else widgets.FloatSlider
        slider = slider_kind(
            value=value,
            min=c.low,
            max=c.high,
            step=c.step,
            description=c.label,
            description_tooltip=c.help,
            continuous_update=False,
            readout=False,
            layout=_WIDE,
            style=style,
        )
        narrow = widgets.Layout(width="7rem")
        field: Any
        if c.whole:
            field = widgets.BoundedIntText(value=value, min=c.low, max=c.high, layout=narrow)
        else:
            field = widgets.FloatText(value=value, layout=narrow)
        self.fields[c.key], self._sliders[c.key] = field, slider
        slider.observe(partial(self._slid, c.key), names="value")
        field.observe(partial(self._typed, c.key), names="value")
        return widgets.HBox([slider, field])

    def _gate(self) -> widgets.RadioButtons:
        gate = widgets.RadioButtons(
            options=[(words, key) for key, words in GATES.items()],
            value=self.setting.gate,
            description="T_sf gates",
            layout=widgets.Layout(width="26rem"),
        )
        gate.observe(partial(self._typed, "gate"), names="value")
        self.fields["gate"] = gate
        return gate

    def _buttons(self) -> list[widgets.Button]:
        buttons = []
        for key, words in RESETS.items():
            if key in self.settings:
                button = widgets.Button(description=words, layout=_WIDE)
                button.on_click(lambda _, setting=self.settings[key]: self.set(setting))
                buttons.append(button)
        return buttons

    def _slid(self, key: str, change: Any) -> None:
        if not self._quiet:
            self.fields[key].value = change["new"]

    def _typed(self, key: str, change: Any) -> None:
        if self._quiet:
            return
        if key in self._sliders:  # the slider follows; the field keeps the exact number
            self._quiet = True
            slider = self._sliders[key]
            slider.value = min(max(change["new"], slider.min), slider.max)
            self._quiet = False
        self._to(replace(self.setting, **{key: change["new"]}))

    def _to(self, setting: Settings) -> None:
        self.setting = setting
        self.outcome = evaluate(self.material, setting)
        self._show()

    def _show(self) -> None:
        self.summary.value = html.escape(self.outcome.summary())
        shown = {**self.settings, "start": self.setting}
        self.plot.value = png(static_figure(self.material, shown, self.title), dpi=90)
        changed = self.outcome.changed
        lines = "".join(
            f"<tr><td>{change.kind}</td><td>{self._words(change)}</td></tr>"
            for change in changed[:_SHOWN]
        )
        more = f"<p>and {len(changed) - _SHOWN} more</p>" if len(changed) > _SHOWN else ""
        self.changes.value = f"<table>{lines}</table>{more}" if changed else "No answer changes."
        self.look.options = [
            (self.material.query_name(change.query), change.query) for change in changed
        ]
        self._show_neighbours()

    def _words(self, change: Change) -> str:
        classes = self.material.class_names
        line = (
            f"{self.material.query_name(change.query)}: {classes[change.before]} → "
            f"{classes[change.after]} (true: {classes[change.true]})"
        )
        return html.escape(line)

    def _show_neighbours(self) -> None:
        q = self.look.value
        if q is None:
            self.neighbours.value = ""
            return
        sims = self.material.sims[q, : self.setting.topm]
        near = self.material.neighbor_labels[q]
        items = [
            f"<li>{html.escape(self.material.class_names[near[k]])} {sims[k]:.3f}</li>"
            for k in range(len(sims))
            if float(sims[k]) > self.setting.t_sc
        ]
        self.neighbours.value = f"neighbours over T_sc: {len(items)}<ol>{''.join(items)}</ol>"
