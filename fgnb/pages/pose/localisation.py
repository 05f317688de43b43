"""Tables 2 and 3 and Fig. 3 of pose (section 4.2): how well keypoints and part boxes are found."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from fgnb.data import PART_NAMES
from fgnb.data.mirror import MIRRORED_PARTS
from fgnb.metrics.keypoints import confusions, keypoint_hits, pck
from fgnb.pages.pose.boxes import SIDES as SIDES
from fgnb.pages.pose.boxes import side_boxes
from fgnb.pages.pose.ceilings import (
    ALPHAS,
    COLUMNS,
    TRUTH,
    by_alpha,
    found_share,
    nearest_points,
    open_first,
    pck_rule,
    with_truth,
)
from fgnb.pose.answers import localised
from fgnb.pose.grids import grid_of
from fgnb.pose.keypoints import THRESHOLD
from fgnb.pose.rows import COARSE, LOCALISER
from fgnb.report import kinds, render
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "pose/4-2-localisation"
CODE = ("fgnb.pose.answers",)
IOU, ALPHA, LITERAL = 0.5, 0.10, 500
CEILING, LITERAL_GRID, REFINED, GUESS, COUNTS = (
    "ceiling",
    "literal-grid",
    "refined",
    "guess",
    "counts",
)
ROWS = (LOCALISER, COARSE)


def _at(alpha: float) -> str:
    return f"pck{round(100 * alpha):02d}"


def _mean(row: str, alpha: float, label: str, claim: str = "", short: str = "") -> Number:
    own = f"own.pose.{row}.{_at(alpha)}"
    return Number(claim or own, f"{label}, alpha {alpha:.2f}", pck_rule(row, alpha), short)


def _box(
    side: str, claim: str, label: str, short: str = "", published: str = "", found: str = "found"
) -> Number:
    arrays = (f"{COUNTS}/{side}_{name}" for name in (found, "true", "present"))
    return Number(claim, label, kinds.pcp(*arrays, iou=IOU), short, published=(published,))


_WELL, _FINER = "pose.claim.localises-without-boxes", "pose.claim.finer-features-would-help"
_NAMES = {part: part.replace(" ", "-") for part in PART_NAMES}
# fmt: off
TABLE2 = numbers_table("Table 2", [
    Number(f"pose.table2.{_NAMES[part]}.{_at(alpha)}", f"{part}, alpha {alpha:.2f}",
           pck_rule(LOCALISER, alpha, place))
    for place, part in enumerate(PART_NAMES) for alpha in ALPHAS
])
MEANS = numbers_table("Means over the fifteen parts, and what bounds them", [
    *(_mean(LOCALISER, a, "Arg-max, as the paper", _WELL if a in (0.02, ALPHA) else "",
            {0.02: "Keypoints are found even where alpha is small: PCK at 0.02",
             ALPHA: "Keypoints are found without boxes: PCK at 0.10, mean over parts"}.get(a, ""))
      for a in ALPHAS),
    *(_mean(CEILING, a, "Ceiling of this grid") for a in ALPHAS),
    *(_mean(LITERAL_GRID, a, "Ceiling of the literal 10 x 10 grid") for a in ALPHAS),
    *(_mean(REFINED, a, "A step inside the cell (ours)") for a in ALPHAS),
    *(_mean(GUESS, a, "Each part's mean place in training, no picture seen") for a in ALPHAS),
])
ERRORS = numbers_table("What goes wrong", [
    Number("pose.claim.predictions-on-body", "Predicted visible parts inside the bird's box",
           kinds.share(f"{COUNTS}/on_body"), "Predicted parts lie on the bird: inside its box"),
    Number("pose.claim.left-right-confusion", "Left or right parts found on their twin",
           kinds.share(f"{COUNTS}/confused"),
           "Left and right are confused: share of parts found on their twin"),
    Number("own.pose.confused-of-wrong", "The same, of those that are wrong",
           kinds.share(f"{COUNTS}/confused_of_wrong")),
    Number("own.pose.confused-legs", "The same, of wrong legs alone",
           kinds.share(f"{COUNTS}/confused_legs")),
    Number("pose.fig3", "Distance from the truth, in hundredths of the box's longer side",
           kinds.mean_share(f"{COUNTS}/distance")),
    Number("own.pose.visible-above", "Visible keypoints that are called visible",
           kinds.share(f"{COUNTS}/visible_called")),
    Number("own.pose.hidden-above", "Hidden keypoints that are called visible",
           kinds.share(f"{COUNTS}/hidden_called")),
])
STEPS = Table("Keypoints found an image: the steps", tuple(Line(n) for n in (
    Number(_FINER, "Three layers fused, minus the last one alone; alpha 0.05",
           kinds.excess(f"{COUNTS}/share05", f"{COUNTS}/coarse05"),
           "Finer, fused layers help: keypoints found at 0.05"),
    Number("own.pose.finer10", "The same, alpha 0.10",
           kinds.excess(f"{COUNTS}/share10", f"{COUNTS}/coarse10")),
    Number("own.pose.refining", "A step inside the cell, minus arg-max; alpha 0.05",
           kinds.excess(f"{COUNTS}/refined05", f"{COUNTS}/share05")),
    Number("own.pose.over-guess", "Arg-max, minus each part's mean place; alpha 0.10",
           kinds.excess(f"{COUNTS}/share10", f"{COUNTS}/guess10")),
)))
TABLE3 = Table("Table 3", tuple(
    Line(_box(side, f"pose.table3.{side}.ours", f"{side.capitalize()} box",
              f"Part boxes are found: PCP of the {side}"))
    for side in SIDES
) + tuple(
    Line(_box(side, f"own.pose.table3.{side}.every",
              f"{side.capitalize()} box around every found keypoint", found="every"))
    for side in SIDES
), tuple(
    _box(side, "pose.claim.beats-rcnn-boxes", f"{side.capitalize()} box, beside R-CNN's figure",
         published=f"pose.table3.{side}.rcnn")
    for side in SIDES
))
SETTINGS = numbers_table("Settings of section 4.2", [
    Number("pose.setting.pcp-iou", "Overlap over which a part box is right",
           kinds.exact(f"{COUNTS}/iou"), unit="ratio"),
])
# fmt: on
TABLES = (TABLE2, MEANS, TABLE3, ERRORS, STEPS, SETTINGS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add what bounds a localiser's points, other points of its maps, and what is counted."""
    if LOCALISER not in sheet.rows:
        return
    record = sheet.rows[LOCALISER]
    arrays, size = record.arrays, int(record.origin.spec["image_size"])
    own = nearest_points(arrays, record.origin.spec["grid"], size, size)
    literal = nearest_points(arrays, "valid", LITERAL, size)
    others = {
        CEILING: own,
        LITERAL_GRID: literal,
        REFINED: arrays["refined"],
        GUESS: arrays["guess"],
    }
    for row, points in others.items():
        sheet.derive(row, LOCALISER, **with_truth(arrays, points))
    coarse = sheet.rows[COARSE].arrays if COARSE in sheet.rows else {}
    sheet.derive(COUNTS, LOCALISER, **counts(arrays, coarse))


def counts(arrays: dict[str, np.ndarray], coarse: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is counted by image or keypoint of a localiser's arrays, and of a coarser one's."""
    points, seen, boxes = arrays["points"], arrays["visible"], arrays["boxes"]
    truth = (arrays["true"], seen, boxes)
    called = arrays["scores"].astype(np.float32) >= THRESHOLD
    inside = np.logical_and(points >= boxes[:, None, :2], points <= boxes[:, None, 2:])
    wrong = ~keypoint_hits(points, *truth, ALPHA)
    swapped = confusions(points, *truth, ALPHA, MIRRORED_PARTS)
    of_wrong = swapped.counted & wrong
    legs = of_wrong & np.isin(PART_NAMES, ("left leg", "right leg"))
    apart = np.hypot(*np.moveaxis(points - arrays["true"], -1, 0))
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    found = {
        "on_body": np.all(inside, axis=2)[seen & called],
        "confused": swapped.confused[swapped.counted],
        "confused_of_wrong": swapped.confused[of_wrong],
        "confused_legs": swapped.confused[legs],
        "distance": (apart / longer[:, None])[seen],
        "visible_called": called[seen],
        "hidden_called": called[~seen],
        "iou": np.array([IOU]),
    }
    for name, of in (("share", points), ("refined", arrays["refined"]), ("guess", arrays["guess"])):
        for alpha in (0.05, ALPHA):
            found[f"{name}{round(100 * alpha):02d}"] = found_share(arrays, of, alpha)
    if coarse and np.array_equal(coarse["ids"], arrays["ids"]):
        for alpha in (0.05, ALPHA):
            found[f"coarse{round(100 * alpha):02d}"] = found_share(coarse, coarse["points"], alpha)
    return found | box_arrays(points, called, *truth[:2])


def box_arrays(
    points: np.ndarray, called: np.ndarray, true: np.ndarray, visible: np.ndarray
) -> dict[str, np.ndarray]:
    """Head and body boxes of predicted and of true keypoints, nan where there is none.

    Of predicted ones those around all that are called visible, and around every one.
    """
    every = np.ones_like(called)
    pairs = {"found": (points, called), "every": (points, every), "true": (true, visible)}
    made = {name: side_boxes(*of) for name, of in pairs.items()}
    arrays = {f"{side}_{name}": boxes[side] for name, boxes in made.items() for side in SIDES}
    for side in SIDES:
        arrays[f"{side}_present"] = np.isfinite(arrays[f"{side}_true"]).all(axis=1)
    return arrays


def add(page: Page, made: dict[str, Any], runs: dict[str, Any]) -> Sheet:
    """Put the runs of some stages on the page."""
    return page.add(runs, {row: localised(made[row], run) for row, run in runs.items()})


def table2(page: Page) -> Html:
    """Table 2 of a page; see `draw_table2`."""
    return page.drawn(TABLE2, draw_table2)


def means(page: Page) -> Html:
    """The means over the parts, a column an alpha."""
    return page.drawn(MEANS, lambda frames: by_alpha(MEANS, frames))


def pck_by_part(found: Any, alpha: float) -> np.ndarray:
    """PCK of a run's predictions, part by part, by the library's function: float64 ``[15]``."""
    arrays = [found[f"query_{name}"] for name in ("points", *TRUTH)]
    return pck(arrays[0], arrays[1], arrays[2], arrays[3], alpha)


def swapped(found: Any) -> np.ndarray:
    """Which keypoints of a run's predictions lie on their twin, bool ``[Q, 15]``."""
    arrays = [found[f"query_{name}"] for name in ("points", *TRUTH)]
    return confusions(arrays[0], arrays[1], arrays[2], arrays[3], ALPHA, MIRRORED_PARTS).confused


def draw_table2(frames: render.Frames) -> str:
    """Table 2: a line a part, a column an alpha; under our value the published one and the ceiling.

    Recorded photographs stand open; what else is measured lies under a fold.
    """
    return open_first(TABLE2, frames, _table2)


def _table2(sheet: Sheet, frame: Any) -> str:
    lines = iter(TABLE2.lines)
    rows = []
    for place, part in enumerate(PART_NAMES):
        cells = []
        for alpha in ALPHAS:
            line = render.pick(frame, next(lines).number)
            best = pck_rule(CEILING, alpha, place)(sheet)
            cells.append(_cell(line, best.value if best else np.nan))
        rows.append([html.escape(part.capitalize()), *cells])
    size = sheet.rows[LOCALISER].origin.spec
    grid = grid_of(size["grid"], size["image_size"])
    about = f"cells of {grid.stride:g} px, {grid.cells} x {grid.cells}"
    caption = f"Table 2. {render.column_of(sheet, frame)}; {html.escape(about)}"
    return render.grid(COLUMNS, rows, caption=caption, kind="fgnb-rows")


def _cell(line: Any, ceiling: float) -> str:
    if line is None:
        return ""
    beside = f"paper {line['published']:.1f}, ceiling {ceiling:.1f}"
    return f"{render.value(line)}<br><small>{beside}</small>"
