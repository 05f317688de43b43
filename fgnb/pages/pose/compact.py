"""Compact bilinear features (pose, section 3.5): the kernel that they estimate, what they keep."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb.pose import FullBilinear, RandomMaclaurin
from fgnb.pose.compact import DIMS, FORMS, FULL, POOLED, Answered, Experiment
from fgnb.pose.frozen import FrozenMaps
from fgnb.pose.kernels import estimates, exact_kernel, relative_errors
from fgnb.report import kinds
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.render import Html, grid
from fgnb.report.sheet import Number
from fgnb.training import environment
from fgnb.training.counted import Counted
from fgnb.training.settings import deterministic

NOTEBOOK = "pose/3-5-compact-bilinear"
CODE = ("fgnb.pose.kernels", "fgnb.pose.frozen")
KERNEL, STATED = "kernel", 5000
KERNEL_DIMS = (50, 240, 1000, 5000)
KERNEL_IMAGES, KERNEL_SEEDS, SCALE_SEEDS = 16, 8, 4
VGG = {"channels": 512, "cells": 28, "classes": 200}  # conv5_3 of a picture of 448 pixels
NAMES = {"random-maclaurin": "Random Maclaurin", "tensor-sketch": "Tensor Sketch"}
LABELS = {POOLED: "Mean of the map", FULL: "Whole bilinear"} | {
    f"{form}-{dim}": f"{name}, {dim:,}" for form, name in NAMES.items() for dim in DIMS
}
_OWN = "own.pose.compact"
_SHORT = {
    f"random-maclaurin-{STATED}": "Compact keeps the power of the whole: Random Maclaurin, 5k",
    f"tensor-sketch-{STATED}": "The same by Tensor Sketch, 5k",
    "random-maclaurin-240": "The same at 240 numbers, as many times fewer as the paper's",
    FULL: "The whole bilinear feature is ahead of the mean of the map",
}


def _line(row: str) -> Line:
    value = Number(f"{_OWN}.{row}", LABELS[row], kinds.fits_accuracy(row))
    if row == POOLED:
        return Line(value)
    other = POOLED if row == FULL else FULL
    claimed = row == f"random-maclaurin-{STATED}"
    claim = "pose.claim.compact-keeps-power" if claimed else f"{_OWN}.{row}-minus-{other}"
    label = f"{LABELS[row]}, minus: {LABELS[other].lower()}"
    return Line(value, Number(claim, label, kinds.fits_difference(row, other), _SHORT.get(row, "")))


# fmt: off
KEPT = Table("What classification keeps, and its step from the whole (the whole's: from the mean)",
             tuple(map(_line, LABELS)))
ERRORS = numbers_table("Error of the kernel's estimate, in hundredths of the images' own", [
    Number(f"{_OWN}.error.{form}-{dim}", f"{name}, {dim:,}",
           kinds.mean_share(f"{KERNEL}/error_{form}_{dim}"))
    for form, name in NAMES.items() for dim in KERNEL_DIMS
])
SCALES = numbers_table("The kernel over its estimate, by scaling of Random Maclaurin", [
    Number(f"{_OWN}.scale.{scaling}", f"{name}, {STATED:,}", kinds.mean(f"{KERNEL}/{scaling}"))
    for scaling, name in (("unbiased", "One division by the root of d"),
                          ("public", "Public code, a division for each matrix"))
])
SIZES = numbers_table("Numbers of a feature", [
    Number("pose.text.bilinear-dimensions", "The whole bilinear feature of VGG-16's last map",
           kinds.exact(f"{KERNEL}/vgg_dimensions"), unit="count"),
    Number(f"{_OWN}.dimensions", "The whole bilinear feature of this page's map",
           kinds.exact(f"{FULL}/@dim"), unit="count"),
    Number("pose.setting.compact-dimensions", "The compact feature",
           kinds.exact(f"random-maclaurin-{STATED}/@dim"), unit="count"),
])
# fmt: on
TABLES = (KEPT, ERRORS, SCALES, SIZES)


def experiment(page: Page) -> Experiment:
    """All forms on the page's set."""
    frozen = FrozenMaps(page.images, page.scale, **page.options, fold="all")
    return Experiment(frozen, page.p.projections)


def arrays(made: Experiment, answered: Answered) -> dict[str, Any]:
    """What a record keeps of a form."""
    asked, images = made.frozen.asked, made.images
    labels = images.labels[asked].astype(np.int16)
    return {"ids": images.ids[asked], "labels": labels, "classes": answered.classes}


def kernel_maps(made: Experiment) -> Tensor:
    """Maps of a few training images at even distances."""
    taught = len(made.frozen.taught)
    count = min(KERNEL_IMAGES, taught)
    return made.maps[torch.arange(count) * taught // count]


def kernel_arrays(made: Experiment) -> tuple[Counted, dict[str, Any]]:
    """How far estimates lie from the kernel, an image; and where that comes from."""
    began, maps = time.monotonic(), kernel_maps(made)
    found: dict[str, Any] = {"vgg_dimensions": np.array([FullBilinear(VGG["channels"]).dim])}
    with deterministic(made.frozen.spec.threads):
        exact = exact_kernel(maps)
        for name, form in FORMS.items():
            for dim in KERNEL_DIMS:
                said = estimates(maps, form, dim, KERNEL_SEEDS)
                found[f"error_{name}_{dim}"] = relative_errors(exact, said)
        own = np.diagonal(exact)
        for scaling in ("unbiased", "public"):
            said = estimates(maps, RandomMaclaurin, STATED, SCALE_SEEDS, scaling=scaling)
            found[scaling] = own / np.diagonal(said.mean(axis=0))
    around = environment.describe(made.frozen.spec.threads, time.monotonic() - began)
    spec = made.frozen.described | {"fold": "held-out", "projections": KERNEL_SEEDS}
    return Counted(spec=spec, environment=around, code_of=CODE), found


def costs(page: Page, repeats: int = 2) -> Html:
    """What each form costs at the paper's scale, on the machine at hand."""
    depth, side, classes = VGG["channels"], VGG["cells"], VGG["classes"]
    maps = torch.rand(1, depth, side, side, generator=torch.Generator().manual_seed(0))
    layers: dict[str, Any] = {LABELS[FULL]: FullBilinear(depth)}
    layers |= {NAMES[name]: form(depth, STATED) for name, form in FORMS.items()}
    rows = []
    with deterministic(page.scale.threads), torch.inference_mode():
        for name, layer in layers.items():
            stored = sum(b.numel() * b.element_size() for b in layer.buffers())
            layer(maps)
            began = time.perf_counter()
            for _ in range(repeats):
                layer(maps)
            spent = 1000 * (time.perf_counter() - began) / repeats
            sizes = (4 * layer.dim / 1e3, 4 * layer.dim * classes / 1e6, stored / 1e6)
            rows.append(
                [name, f"{layer.dim:,}", *(f"{size:,.1f}" for size in sizes), f"{spent:,.0f}"]
            )
    columns = ("Form", "Numbers", "A feature, kB", "Classifier, MB", "Signs, MB", "Time, ms")
    about = f"{depth} channels in {side} × {side} cells, {classes} classes; the time is of this run"
    return Html(grid(columns, rows, caption=f"{about}, one image, {page.scale.threads} threads"))
