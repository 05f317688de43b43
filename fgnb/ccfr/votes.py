"""Whom equations 8 and 9 ask, and a what-if: how much re-ranking would gain from better neighbours.

An accuracy that re-ranking leaves as it was can have two reasons: the vote agreed, or nobody voted.
`asked` tells them apart. `mended` makes the neighbours better than they are, by the labels: no
result of any method, but an answer to what the vote would be worth if retrieval were better.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings
from fgnb.data.arguments import as_number, as_whole
from fgnb.metrics.checks import as_labels, as_probs


class Asked(NamedTuple):
    """Which queries are asked again, ``bool[Q]``; no other answer can change."""

    gated: np.ndarray  # the softmax is under T_sf
    voters: np.ndarray  # gated, and a neighbour over T_sc is of one of the topn classes


def asked(probs: Any, neighbors: Neighbors, settings: Settings) -> Asked:
    """Which queries are unsure, and which of these have a voter.

    By the gate of a class a query is unsure where any of its topn classes is under T_sf.

    Raises:
        ValueError: a shape or type that doesn't fit, or rows that are no probabilities.
    """
    probs = as_probs("probs", probs).astype(np.float64)
    topn = min(max(settings.topn, 1), probs.shape[1])
    top = np.argsort(-probs, axis=1, kind="stable")[:, :topn]
    s_f = np.take_along_axis(probs, top, axis=1)
    compared = s_f if settings.gate == "class" else s_f[:, :1]
    gated = np.asarray((compared < settings.t_sf).any(axis=1))
    sims = neighbors.sims[:, : max(settings.topm, 1)].astype(np.float64)
    labels = neighbors.labels[:, : sims.shape[1]]
    counts = (sims > settings.t_sc) & (labels[:, :, None] == top[:, None]).any(axis=2)
    votes = np.where(counts, sims, 0.0).sum(axis=1)
    return Asked(gated, gated & (votes != 0.0))


def mended(
    neighbors: Neighbors, truth: Any, share: float, *, whole: bool = False, seed: int = 0
) -> Neighbors:
    """Neighbours of which a share of the wrong ones became right; similarities stay.

    Larger shares change what smaller ones do, and more.

    Args:
        neighbors: of Q queries.
        truth: the true classes ``[Q]``.
        share: of what is wrong that becomes right, in [0, 1].
        whole: False mends each neighbour by itself. True mends whole queries: where the nearest is
            wrong, its class and the true one change places among all neighbours of the query, so
            that the vote is as divided as it was.
        seed: of the choice.

    Raises:
        ValueError: a shape or type that doesn't fit, or a share out of range.
    """
    labels, share = neighbors.labels, float(as_number("share", share))
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}, needs a number from 0 to 1")
    true = as_labels("truth", truth, len(labels), None)[:, None]
    rng = np.random.default_rng(as_whole("seed", seed, 0))
    if not whole:
        chosen = (labels != true) & (rng.random(labels.shape) < share)
        return replace(neighbors, labels=np.where(chosen, true, labels))
    first = labels[:, :1]
    swapped = np.where(labels == first, true, np.where(labels == true, first, labels))
    chosen = (first != true) & (rng.random(first.shape) < share)
    return replace(neighbors, labels=np.where(chosen, swapped, labels))
