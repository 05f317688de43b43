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
_COUNTED = [(what, scale) for scale in SCALES for what in Cost._fields]
_TRAIN_ONLY = "focus.claim.image-and-region-heads-train-only"


def _needed(head: str) -> list[Number]:
    changed, moved = kinds.share(f"{ROW}/{head}_changed"), kinds.mean_share(f"{ROW}/{head}_moved")
    end = f"without the {head}-level classifier"
    short = f"No answer needs the {head}-level classifier: share that changes {end}"
    return [
        Number(_TRAIN_ONLY, f"Held-out answers that change {end}", changed, short),
        Number(_TRAIN_ONLY, f"Regions that differ {end}", moved),
    ]


def _saved(what: str, scale: str) -> Number:
    rule, short = kinds.exact(f"{scale}/saved_{what}"), f"Compact: saved of NTS's {what}"
    label = f"Saved of NTS's {what}{SCALES[scale]}"
    return Number("focus.claim.compact", label, rule, short * (not SCALES[scale]), unit="percent")


def _sum(method: str, what: str, scale: str) -> Number:
    label = f"{METHODS[method]}, {what} of an answer{SCALES[scale]}"
    rule = kinds.exact(f"{scale}/{method}_{what}")
    return Number(f"own.focus.cost.{scale}.{method}.{what}", label, rule, unit="count")


NEEDED = numbers_table("What an answer needs", [n for head in HEADS for n in _needed(head)])
COMPACT = numbers_table("What it saves beside NTS", [_saved(*counted) for counted in _COUNTED])
SUMS = numbers_table(
    "The sums behind the shares, and the weights of Fig. 1",
    [
        *(_sum(method, *counted) for counted in _COUNTED for method in METHODS),
        Number("focus.fig1", "Weights in Fig. 1", kinds.exact(f"{ROW}/weights"), unit="count"),
    ],
)
TABLES = (NEEDED, COMPACT, SUMS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add what an answer of this sheet's network costs, and one of the paper's."""
    row = ROW if ROW in sheet.rows else ROWS[0]
    if row not in sheet.rows:
        return
    origin = sheet.rows[row].origin
    own = Network.of(
        SimpleNamespace(**{**origin.spec, "backbone": origin.backbone}), origin.classes
    )
    for scale, network in zip(SCALES, (own, PAPER), strict=True):
        sums = {method: total(answer_cost(method, network)) for method in METHODS}
        arrays: dict[str, Any] = {}
        for what in Cost._fields:
            ours, theirs = (float(getattr(sums[method], what)) for method in METHODS)
            counted = {"focus": ours, "nts": theirs, "saved": 100 * (1 - ours / theirs)}
            arrays |= {f"{name}_{what}": np.array([value]) for name, value in counted.items()}
        sheet.derive(scale, row, **arrays)


def trace_model(stage: FocusStage) -> list[Call]:
    """Fig. 1 from one pass of a stage's model over its first query.

    The attention map is a product of the last map and the image-level classifier's weights, and no
    module: its call is made from the shapes that the pass returned. With a frozen trunk the whole
    picture's map comes from the cache, so its pass through the trunk is not among the calls.
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
    costs = {method: answer_cost(method, network) for method in METHODS}
    rows = [[words, *_cells(*(costs[m][name] for m in METHODS))] for name, words in STEPS.items()]
    rows.append(["Sum", *_cells(*map(total, costs.values()))])
    words = ("weights, thousands", "operations, millions")
    columns = ("Step", *(f"{method}, {word}" for method in METHODS.values() for word in words))
    regions = f"{network.joined} regions of {network.crop_size} px, {network.classes} classes"
    caption = f"{network.backbone} at {network.image_size} px, {regions}"
    return Html(grid(columns, rows, caption=caption))


def _cells(*costs: Cost) -> list[str]:
    pairs = [(cost.weights, f"{cost.operations / 1e6:,.1f}") for cost in costs]
    return [c for n, done in pairs for c in (f"{n / 1e3:,.1f}" if n else "shared", done)]
