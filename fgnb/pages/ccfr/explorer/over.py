"""An explorer over a model's answers, with the paper's setting from the ledger beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import Settings
from fgnb.pages.ccfr.explorer import Explorer, StoredAnswers
from fgnb.report.sheet import entry_of, short_name

_LEDGER = {"topn": int, "topm": int, "alpha": float, "beta": float}


def explorer_over(
    answers: Answers, settings: Settings, classes: Sequence[str], *, dataset: str, **about: Any
) -> Explorer:
    """The explorer over answers.

    Args:
        answers: to test images.
        settings: chosen on held-out images; the controls start there.
        classes: their names.
        dataset: short name of the set whose published setting is offered.
        **about: as `Explorer` takes it.
    """
    near, names = answers.neighbors, [f"image {identity}" for identity in answers.ids]
    index = near.index if about.get("thumbnails") else None
    arrays = (answers.probs, near.sims, near.labels, answers.labels)
    published = paper_setting(short_name(dataset), settings)
    offered = {"start": settings, "chosen": settings}
    offered |= {} if published is None else {"published": published}
    return Explorer(StoredAnswers(*arrays, classes, names, index), offered, **about)


def paper_setting(set_name: str, base: Settings) -> Settings | None:
    """The ledger's setting for a set (T_sc and gate of ``base``); None where it has none."""
    wanted = {"t_sf": f"ccfr.setting.t-sf.{set_name}", **{k: f"ccfr.setting.{k}" for k in _LEDGER}}
    entries = {name: entry_of(claim) for name, claim in wanted.items()}
    if any(entry is None or entry.value is None for entry in entries.values()):
        return None
    values: dict[str, Any] = {k: _LEDGER.get(k, float)(e.value) for k, e in entries.items()}
    return replace(base, **values)
