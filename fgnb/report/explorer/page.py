"""The page face: HTML with its own data, style and script, for a book or a file of its own.

Nothing is fetched, no global name is left behind, and every name from the data reaches the page
as text.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from fgnb.report.explorer.controls import GATES, Control, controls
from fgnb.report.explorer.data import Material
from fgnb.report.explorer.sprite import COLUMNS, THUMB, Sprite

if TYPE_CHECKING:
    from fgnb.ccfr.settings import Settings

RESETS = {
    "start": "This page's setting",
    "published": "The paper's setting",
    "chosen": "Chosen on held-out images",
}


def page(
    material: Material,
    settings: Mapping[str, Settings],
    *,
    name: str,
    title: str,
    fold: str,
    note: str,
    sprite: Sprite | None = None,
    figure: bytes | None = None,
) -> str:
    """The page face.

    Args:
        material: what it shows.
        settings: ``start`` and, where they exist, ``published`` and ``chosen``.
        name: the element's id, unique on the page.
        title: one line.
        fold: which images the queries are, in words.
        note: what a reader should know.
        sprite: thumbnails.
        figure: the print face as PNG, for readers without script.
    """
    data = material.packed() | {
        "z": NormalDist().inv_cdf(0.975),
        "settings": {key: asdict(setting) for key, setting in settings.items()},
    }
    style = _resource("explorer.css")
    if sprite is not None and sprite.queries:
        data["sprite"] = {
            "queries": sprite.queries,
            "rows": sprite.rows,
            "size": THUMB,
            "columns": COLUMNS,
        }
        style += (
            f"#{name} .fx-thumb {{ "
            f"background-image: url(data:image/jpeg;base64,{sprite.jpeg}); }}\n"
        )
    rows = "".join(_row(name, c) for c in controls(material.ranks, material.sims.shape[1]))
    gates = "".join(
        f'<label><input type="radio" name="{name}-gate" value="{value}" data-key="gate">'
        f"{words}</label>"
        for value, words in GATES.items()
    )
    marks = [key for key in RESETS if key in settings]
    buttons = "".join(
        f'<button type="button" data-reset="{key}">{RESETS[key]}</button>' for key in marks
    )
    legend = "".join(
        f'<span><i class="fx-k-{key}"></i>{RESETS[key][0].lower()}{RESETS[key][1:]}</span>'
        for key in marks
        if key != "start"
    )
    run = (
        f"(function () {{\n{_resource('equations.js')}{_resource('explorer.js')}"
        f'document.querySelectorAll("#{name}:not([data-ready])").forEach(explore);\n}})();'
    )
    return f"""<style>{style}</style>
<div class="fgnb-explorer mathjax_ignore tex2jax_ignore" id="{name}"
 role="group" aria-labelledby="{name}-title" data-lm-suppress-shortcuts="true">
<script type="application/json">{embedded(data)}</script>
<p class="fx-title" id="{name}-title">{html.escape(title)}
<span class="fx-fold">{len(material.probs):,} {html.escape(fold)}</span></p>
<p class="fx-note">{html.escape(note)}</p>
<noscript>{_without_script(figure)}</noscript>
<div class="fx-body">
<div class="fx-controls">
{rows}<fieldset class="fx-gate"><legend>T<sub>sf</sub> gates</legend>{gates}</fieldset>
{buttons}</div>
<div class="fx-results" data-part="results">
<dl class="fx-numbers">
<div class="fx-main"><dt>re-ranked</dt><dd><span data-part="accuracy"></span>
<small>95 % interval <span data-part="interval"></span></small></dd></div>
<div><dt>classification alone</dt><dd data-part="before"></dd></div>
<div><dt>rectified</dt><dd class="fx-good" data-part="rectified"></dd></div>
<div><dt>spoiled</dt><dd class="fx-bad" data-part="spoiled"></dd></div>
<div><dt>changed, still wrong</dt><dd data-part="still wrong"></dd></div>
</dl>
<svg data-part="plot" viewBox="0 0 420 230" role="img"></svg>
<div class="fx-key" aria-hidden="true"><span><i></i>re-ranked</span>
<span><i class="fx-k-before"></i>classification alone</span>{legend}</div>
</div>
</div>
<p class="fx-summary" data-part="summary" role="status" aria-live="polite"></p>
<div class="fx-list" data-part="changes" tabindex="0" role="region"
 aria-label="Answers that changed"></div>
<button type="button" data-part="more" hidden></button>
</div>
<script>{run}</script>
"""


def embedded(data: Any) -> str:
    r"""JSON that is safe inside a script element.

    >>> embedded(["</script>"])
    '["\\u003c/script\\u003e"]'
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row(name: str, c: Control) -> str:
    scale = f'min="{c.low}" max="{c.high}"'
    # A slider moves in steps; the field beside it takes any number, a stored value included.
    whole = f'data-whole="true" {scale} step="1"' if c.whole else 'step="any"'
    label = re.sub(r"_(\w+)", r"<sub>\1</sub>", c.label)
    return (
        f'<div class="fx-row"><label for="{name}-{c.key}">{label}<span>{c.help}</span></label>'
        f'<input type="range" id="{name}-{c.key}" data-key="{c.key}" {scale} step="{c.step}" '
        f'autocomplete="off"><input type="number" data-key="{c.key}" {whole} autocomplete="off" '
        f'aria-label="{c.label}, exact value"></div>\n'
    )


def _without_script(figure: bytes | None) -> str:
    words = "<p>The controls need JavaScript, which is off here.</p>"
    if figure is None:
        return words
    source = base64.b64encode(figure).decode("ascii")
    return (
        f'{words}<img src="data:image/png;base64,{source}" '
        'alt="Accuracy over T_sf with the reported setting marked">'
    )


def _resource(name: str) -> str:
    return files("fgnb.report.explorer").joinpath(name).read_text(encoding="utf-8")
