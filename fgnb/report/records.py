"""A record: the answers of one row on one set, as arrays, and where they come from.

Numbers are never kept: they follow from the arrays each time that a page is made. Every row of a
classifier has the arrays ``ids``, ``labels`` and ``classes`` (the predicted ones), one entry an
image; what else a page counts by image stands beside them under its own name. Answers on the
held-out fifth, where thresholds are chosen, begin with ``held_out_``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fgnb import claims
from fgnb.store import code_digest

PACKAGES = ("torch", "torchvision", "timm", "pytorch-lightning", "numpy")
PROTOCOLS = {
    "published": "published protocol",
    "official": "official set and split, another network or size",
    "subset": "a part of the set",
    "drawn": "drawn pictures",
}
NONE = "none"
LOGISTIC = "logistic"  # the regression that a plain classifier starts from: array, derived row

_LOCAL_PATH = re.compile(r'(?<!\\)"((/|~|[A-Za-z]:[\\/]|\\{4})[^"]*)"')  # among JSON
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1, strict=True)]
CountOrNone = Annotated[int, Field(ge=0, strict=True)]


class Provenance(BaseModel):
    """Everything that a reader needs to trust, compare or repeat a row's answers.

    "unknown" (no git) and "none" (no network) are answers; an absent or empty field is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Text
    dataset: Text  # short name, e.g. "cub"
    dataset_title: Text  # on a page, e.g. "CUB-200-2011 (40 of 200 classes)"
    pixels: Text  # what was done to the pictures
    manifest: Sha256  # of images and annotations
    protocol: Literal["published", "official", "subset", "drawn"]
    classes: Count
    n_train: Count
    n_test: CountOrNone
    backbone: Text
    weights_tag: Text
    weights_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|none)$")]
    seeds: tuple[int, ...]
    device: Text
    threads: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    commit: Text  # "+" appended where files differed from it
    versions: Annotated[dict[str, str], Field(min_length=1)]
    run_keys: tuple[str, ...]
    test_reads: CountOrNone
    code: Sha256  # of the code that trained and answered
    code_of: Annotated[tuple[Text, ...], Field(min_length=1)]
    spec: dict[str, Any]  # what the row was set to
    restriction: str = ""  # ids of the classes that a larger set was restricted to, e.g. "1-40"
    recorded: str = ""  # day and hour, empty for the run at hand
    note: str = ""  # what a reader must know besides

    @property
    def frame(self) -> str:
        """How a picture became a square, `fgnb.data.frame.Frame`; empty where no network saw it."""
        return "" if self.backbone == NONE else str(self.spec.get("frame", "crop"))

    @model_validator(mode="after")
    def _seeded(self) -> Provenance:
        if self.backbone != NONE and not self.seeds:
            raise ValueError("seeds is empty though a backbone is named")
        return self

    @field_validator("*")
    @classmethod
    def _no_path_of_a_machine(cls, value: Any) -> Any:
        if found := _LOCAL_PATH.search(json.dumps(value, default=str)):
            raise ValueError(f"{found[1]!r} is a path of one machine; leave it out")
        return value


@dataclass(frozen=True)
class Record:
    """A row's answers on one set."""

    paper: str  # short name
    row: str  # one in the whole paper
    arrays: dict[str, np.ndarray]  # by name, see the module
    origin: Provenance
    witness: np.ndarray | None = None  # what the same row answers at the preset `smoke`
    verified: tuple[str, ...] = ()  # digests of later code that still gives the witness
    name: str = ""  # the file below results/recorded, empty for the run at hand
    derived: bool = False  # whether it follows from another row, and is never kept

    def code_state(self) -> str:
        """One of "same", "verified" (other code, the same witness) and "changed"."""
        try:
            now = code_digest(self.origin.code_of)
        except ValueError:  # a module is gone
            return "changed"
        known = dict.fromkeys(self.verified, "verified") | {self.origin.code: "same"}
        return known.get(now, "changed")


@dataclass(frozen=True)
class Context:
    """What the records of a page share on one set."""

    paper: str
    preset: str
    images: Any  # `fgnb.data.ImageSet`
    weights: Any  # the backbone's `WeightsInfo`; None where no network takes part
    dataset: str  # the set's short name
    published: bool = False  # whether network, input size and recipe are the paper's


def published_network(paper: str) -> tuple[str, ...]:
    """Preset, backbone and weights of a paper's own rows; nothing for an experiment of ours."""
    if paper not in claims.PAPERS:
        return ()
    (of,) = claims.load(paper).papers
    return "paper", of.backbone, "imagenet"


def of_run(
    context: Context,
    row: str,
    run: Any,
    arrays: Mapping[str, Any],
    *,
    reads: int,
    code_of: Sequence[str] = (),
) -> Record:
    """The record of a trained run, of `fgnb.training.fit`.

    ``arrays`` are what it answered, see `answers_of`, made by its code and that of the modules
    ``code_of``; ``reads`` says how often the answers of the test set were read for it.
    """
    from fgnb.data.protocol import row_protocol

    images, around = context.images, run.environment
    weights = context.weights if run.spec else None
    modules = tuple(dict.fromkeys((*run.code_of, *code_of)))
    spec = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in run.spec.items()
        if not isinstance(value, Mapping)  # what it builds on has a run of its own
    }
    origin = Provenance(
        preset=context.preset,
        dataset=context.dataset,
        dataset_title=images.title,
        pixels=images.pixels or "drawn",
        manifest=images.fingerprint,
        protocol=row_protocol(images, as_published=context.published),  # type: ignore[arg-type]
        classes=len(images.classes),
        n_train=images.n_train,
        n_test=images.n_test,
        backbone=getattr(weights, "backbone", NONE),
        weights_tag=getattr(weights, "tag", NONE),
        weights_sha256=getattr(weights, "sha256", NONE),
        seeds=tuple(map(int, spec.get("seeds") or [spec["seed"]])) if spec else (),
        device=around["device"],
        threads=int(around["threads"]),
        seconds=round(float(around["seconds"]), 1),
        commit=around["commit"],
        versions={k: str(around[k]) for k in ("python", *PACKAGES) if k in around},
        run_keys=(run.key,) if run.key else (),
        test_reads=reads,
        code=code_digest(modules),
        code_of=modules,
        spec=spec,
        restriction=images.restriction,
    )
    return Record(context.paper, row, {k: np.asarray(v) for k, v in arrays.items()}, origin)


def of_set(context: Context, row: str, arrays: Mapping[str, Any], code_of: Sequence[str]) -> Record:
    """The record of something counted on a set without a network."""
    from fgnb.training.counted import Counted
    from fgnb.training.environment import describe

    no_run = Counted(spec={}, environment=describe(1, 0.0), code_of=())
    return of_run(context, row, no_run, arrays, reads=0, code_of=code_of)


def answers_of(run: Any) -> dict[str, np.ndarray]:
    """What every classifier answers: ids, true and predicted classes, the five best.

    Of one that starts from a logistic regression on frozen features, that one's classes too.
    """
    kept = run.predictions
    probs = kept["query_probs"]
    best = np.argsort(-probs, axis=1, kind="stable")[:, :5]
    start = kept.get("query_logistic_probs")
    return {
        **({} if start is None else {LOGISTIC: start.argmax(axis=1).astype(np.int16)}),
        "ids": kept["query_ids"],
        "labels": kept["query_labels"].astype(np.int16),
        "classes": probs.argmax(axis=1).astype(np.int16),
        "top5": best.astype(np.int16),
        "top5_probs": np.take_along_axis(probs, best, axis=1).astype(np.float16),
    }
