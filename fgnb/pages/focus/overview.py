"""focus as it runs (Fig. 1), what it costs beside NTS, and which classifiers an answer needs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from fgnb.focus.costs import METHODS, PAPER, STEPS, Cost, Network, answer_cost, total
from fgnb.focus.region_answers import answers_under
from fgnb.focus.region_stage import FocusStage
from fgnb.metrics.coverage import boxes_moved
from fgnb.nn.backbones import NO_CUT
from fgnb.report import kinds
from fgnb.report.layout import numbers_table
from fgnb.report.render import Html, grid
from fgnb.report.sheet import Number, Sheet
from fgnb.report.trace import Call, trace, weights_of
from fgnb.report.trace import block_diagram as block_diagram
from fgnb.report.trace import trace_table as trace_table
from fgnb.training import Run

NOTEBOOK = "focus/3-1-overview"
CODE = ("fgnb.focus.region_answers", "fgnb.focus.costs")
ROW = "ours-held-out"
ROWS = ("ours",)  # the networks of its records are counted too
HEADS = ("image", "region")
SCALES = {"this-page": "", "paper-scale": ", at the paper's scale"}
_COUNTED = [(what, scale, SCALES[scale]) for scale in SCALES for what in Cost._fields]
_WITHOUT = {head: f"without the {head}-level classifier" for head in HEADS}
_TRAIN_ONLY = "focus.claim.image-and-region-heads-train-only"

# fmt: off
NEEDED = numbers_table("What an answer needs", [
    number for head, without in _WITHOUT.items() for number in (
        Number(_TRAIN_ONLY, f"Held-out answers that change {without}",
               kinds.share(f"{ROW}/{head}_changed"),
               f"No answer needs the {head}-level classifier: share that changes {without}"),
        Number(_TRAIN_ONLY, f"Regions that differ {without}",
               kinds.mean_share(f"{ROW}/{head}_moved")),
    )
])
COMPACT = numbers_table("What it saves beside NTS", [
    Number("focus.claim.compact", f"Saved of NTS's {what}{at}",
           kinds.exact(f"{scale}/saved_{what}"), "" if at else f"Compact: saved of NTS's {what}",
           unit="percent")
    for what, scale, at in _COUNTED
])
SUMS = numbers_table("The sums behind the shares, and the weights of Fig. 1", [
    *(Number(f"own.focus.cost.{scale}.{method}.{what}", f"{name}, {what} of an answer{at}",
             kinds.exact(f"{scale}/{method}_{what}"), unit="count")
      for what, scale, at in _COUNTED for method, name in METHODS.items()),
    Number("focus.fig1", "Weights in Fig. 1", kinds.exact(f"{ROW}/weights"), unit="count"),
])
# fmt: on
TABLES = (NEEDED, COMPACT, SUMS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add what an answer of this sheet's network costs, and one of the paper's."""
    row = ROW if ROW in sheet.rows else ROWS[0]
    if row not in sheet.rows:
        return
    origin = sheet.rows[row].origin
    spec = SimpleNamespace(**{**origin.spec, "backbone": origin.backbone})
    for scale, network in zip(SCALES, (Network.of(spec, origin.classes), PAPER), strict=True):
        ours, theirs = (np.array(total(answer_cost(m, network)), float) for m in METHODS)
        sums = {"focus": ours, "nts": theirs, "saved": 100 * (1 - ours / theirs)}
        places = enumerate(Cost._fields)
        arrays = {f"{of}_{what}": sums[of][[n]] for n, what in places for of in sums}
        sheet.derive(scale, row, **arrays)


def trace_model(stage: FocusStage) -> list[Call]:
    """Fig. 1 from one pass of a stage's model over its first query.

    The attention map is no module: its call is made from the shapes that the pass returned. With a
    frozen trunk the whole picture's map comes from the cache, so that pass is not among the calls.
    """
    model = stage.module().model
    cached = {"backbone.trunk": "trunk", "backbone.tail": "tail"}
    names = {"": "model", **({"backbone": "extractor"} if stage.spec.cut == NO_CUT else cached)}
    names |= {head: f"{head}-level classifier" for head in HEADS}
    views = next(iter(stage.zoomed.batches(stage.query_index[:1])))
    with torch.random.fork_rng(devices=[]):
        whole, *calls = trace(model, views, parts=names | {"hybrid": "hybrid classifier"})
    maps, _, _, boxes = whole.shapes[-4:]
    done = math.prod(maps) // stage.spec.map_scale**2 * model.image.weight.numel()
    place = 1 + [call.name for call in calls].index(names["image"])
    attention = Call("attention map, boxes", (maps, boxes), 0, done, True)
    return [*calls[:place], attention, *calls[place:]]


def needed_arrays(stage: FocusStage, run: Run) -> dict[str, Any]:
    """What removing a classifier changes on each held-out image, and the weights under Fig. 1."""
    answers = answers_under(stage, run, {"as trained": {}}, without={head: head for head in HEADS})
    kept, arrays = answers["as trained"], {"weights": np.array([weights_of(trace_model(stage))])}
    for head in HEADS:
        changed = answers[head].probs.argmax(axis=1) != kept.probs.argmax(axis=1)
        moved = boxes_moved(kept.boxes, answers[head].boxes)
        arrays |= {f"{head}_changed": changed, f"{head}_moved": moved}
    return arrays


def cost_table(network: Network) -> Html:
    """A line a step and their sum, for both methods: weights and operations."""
    costs = [answer_cost(method, network) for method in METHODS]
    rows = [[words, *_cells(*(cost[name] for cost in costs))] for name, words in STEPS.items()]
    rows.append(["Sum", *_cells(*map(total, costs))])
    words = ("weights, thousands", "operations, millions")
    columns = ("Step", *(f"{method}, {word}" for method in METHODS.values() for word in words))
    regions = f"{network.joined} regions of {network.crop_size} px, {network.classes} classes"
    caption = f"{network.backbone} at {network.image_size} px, {regions}"
    return Html(grid(columns, rows, caption=caption))


def _cells(*costs: Cost) -> list[str]:
    pairs = [(cost.weights, f"{cost.operations / 1e6:,.1f}") for cost in costs]
    return [c for n, done in pairs for c in (f"{n / 1e3:,.1f}" if n else "shared", done)]
