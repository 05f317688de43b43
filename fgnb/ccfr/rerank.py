"""Re-ranking the coarse classification by retrieval (ccfr, section 3.3, equations 8 and 9).

The paper leaves three things open; here they are settled so:

- Equation 8 as printed gates each class, the text gates the image: `gate` offers both.
- Equation 9 is 0/0 where no neighbour of a topn class is over T_sc: the probabilities stand.
- Classes outside topn get no score: they rank below the topn, in softmax order.

All sums run in float64 and in a fixed order (neighbours by rank, classes by rank), so that another
implementation, such as the script of the explorer, reaches the same doubles.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from fgnb.data.arguments import as_number, as_whole
from fgnb.nn.arguments import as_floats, as_integers, as_probs

GATES = ("sample", "class")


def rerank(
    probs: Any,
    sims: Any,
    labels: Any,
    *,
    topn: int = 5,
    topm: int = 50,
    t_sf: float,
    t_sc: float,
    alpha: float = 0.0,
    beta: float = 1.0,
    gate: str = "sample",
) -> Tensor:
    """Score every class of every query by equations 8 and 9.

    The prediction is the first column of the highest score. Nothing is changed in place. Arrays and
    lists will do for tensors.

    Args:
        probs: softmax probabilities ``S_f``, ``Tensor[Q, C]``, any float type: in [0, 1], with a
            sum of 1 in each row, or less where only its best classes were kept. Logits are refused.
        sims: similarity of each query to each image of the database, ``Tensor[Q, N]``: the paper's
            is the cosine, but any will do that ``t_sc`` is meant for.
        labels: classes of the database, integer ``Tensor[N]`` of columns of ``probs``.
        topn: how many of the most probable classes compete; ties by column; clipped to [1, C].
        topm: how many of the most similar images count; ties by row; clipped to [1, N].
        t_sf: ``T_sf``; a probability at or over it is kept.
        t_sc: ``T_sc``; a similarity counts when strictly over it.
        alpha: weight of ``S_f`` below ``T_sf``.
        beta: weight of ``S_c`` below ``T_sf``.
        gate: ``"sample"`` compares the highest probability of a query with ``t_sf`` and keeps all
            its probabilities or none (the text); ``"class"`` compares each (equation 8 as printed).

    Returns:
        Scores, float64 ``Tensor[Q, C]``, finite. See `rerank_neighbors`.

    Raises:
        ValueError: a wrong shape or type, ``probs`` that are no probabilities, a number that is not
            finite, a label that is no column of ``probs``, a negative ``topn`` or ``topm``, an
            unknown gate.

    >>> probs = torch.tensor([[0.45, 0.40, 0.15]])
    >>> sims = torch.tensor([[0.5, 0.75, 0.25, 0.25]])
    >>> rerank(probs, sims, torch.tensor([0, 1, 1, 2]), topn=2, t_sf=0.5, t_sc=0.2)[0, :2]
    tensor([0.3333, 0.6667], dtype=torch.float64)
    """
    probs = as_probs("probs", probs)
    sims = _similarities(sims, probs, "N")
    labels = as_integers("labels", labels, probs.device)
    if labels.shape != sims.shape[1:]:
        raise ValueError(f"labels has shape {tuple(labels.shape)}, needs ({sims.shape[1]},)")
    _check_labels(labels, probs.shape[1])
    nearest, index = topm_neighbors(sims, topm)
    return rerank_neighbors(
        probs,
        nearest,
        labels[index],
        topn=topn,
        topm=topm,
        t_sf=t_sf,
        t_sc=t_sc,
        alpha=alpha,
        beta=beta,
        gate=gate,
    )


def rerank_neighbors(
    probs: Any,
    sims: Any,
    labels: Any,
    *,
    topn: int = 5,
    topm: int = 50,
    t_sf: float,
    t_sc: float,
    alpha: float = 0.0,
    beta: float = 1.0,
    gate: str = "sample",
) -> Tensor:
    """`rerank` where the nearest images of each query are already known.

    Args:
        probs: softmax probabilities ``Tensor[Q, C]``, as in `rerank`.
        sims: similarities of the K nearest images, best first, ``Tensor[Q, K]``; ``topm`` is
            clipped to [1, K].
        labels: their classes, integer ``Tensor[Q, K]``.
        topn: as in `rerank`, like all that follow.
        topm: how many of the K neighbours count.
        t_sf: ``T_sf``.
        t_sc: ``T_sc``.
        alpha: weight of ``S_f`` below ``T_sf``.
        beta: weight of ``S_c`` below ``T_sf``.
        gate: ``"sample"`` or ``"class"``.

    Returns:
        Scores, float64 ``Tensor[Q, C]``, finite. The topn classes hold equation 8, or their
        probabilities where equation 9 is undefined. The other classes keep their probabilities
        where all of them lie below every topn score; else they are moved below it, in order.

    Raises:
        ValueError: as in `rerank`; also similarities that do not descend.
    """
    probs = as_probs("probs", probs)
    n_classes = probs.shape[1]
    sims = _similarities(sims, probs, "K")
    labels = as_integers("labels", labels, probs.device)
    if labels.shape != sims.shape:
        raise ValueError(f"labels has shape {tuple(labels.shape)}, needs {tuple(sims.shape)}")
    _check_labels(labels, n_classes)
    if (sims[:, 1:] > sims[:, :-1]).any():
        raise ValueError("sims does not descend along a row, needs the nearest image first")
    if gate not in GATES:
        raise ValueError(f"gate is {gate!r}, needs one of {', '.join(GATES)}")
    t_sf, t_sc = as_number("t_sf", t_sf), as_number("t_sc", t_sc)
    alpha, beta = as_number("alpha", alpha), as_number("beta", beta)
    for name, value in {"alpha": alpha, "beta": beta}.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, needs a finite number")
    topn = _clip("topn", topn, n_classes)
    topm = _clip("topm", topm, sims.shape[1])

    probs = probs.double()
    order = probs.argsort(dim=1, descending=True, stable=True)  # [Q, C]
    top = order[:, :topn]
    s_f = probs.gather(1, top)  # [Q, topn]
    s_c = _shares(sims[:, :topm].double(), labels[:, :topm], top, n_classes, t_sc)
    defined = s_c.isfinite().all(dim=1, keepdim=True)

    sure = s_f >= t_sf if gate == "class" else s_f[:, :1] >= t_sf
    scores = torch.where(sure | ~defined, s_f, alpha * s_f + beta * s_c)
    return _with_the_rest(probs, order, scores)


def topm_neighbors(sims: Tensor, topm: int) -> tuple[Tensor, Tensor]:
    """The ``topm`` highest of ``sims[Q, N]`` in each row: equal ones in column order.

    ``topm`` is clipped to [1, N].

    Returns:
        Similarities, descending, and their columns: both ``Tensor[Q, min(topm, N)]``.

    Raises:
        ValueError: a negative ``topm``.
    """
    topm = _clip("topm", topm, sims.shape[1])
    values, index = sims.topk(min(topm + 1, sims.shape[1]), dim=1)
    index = index[:, :topm].sort(dim=1).values
    # topk picks any of those equal to the last value; where some were left out, sort the row.
    cut = (values[:, topm - 1 : topm] == values[:, topm:]).any(dim=1)
    if cut.any():
        whole = sims[cut].argsort(dim=1, descending=True, stable=True)
        index[cut] = whole[:, :topm]
    order = sims.gather(1, index).argsort(dim=1, descending=True, stable=True)
    index = index.gather(1, order)
    return sims.gather(1, index), index


def _shares(sims: Tensor, labels: Tensor, top: Tensor, n_classes: int, t_sc: float) -> Tensor:
    """``S_c`` of equation 9 for the classes ``top[Q, topn]``; not finite where undefined."""
    counted = torch.where(sims > t_sc, sims, 0.0)
    totals = sims.new_zeros(len(sims), n_classes)
    for k in range(sims.shape[1]):  # one neighbour at a time: the order of the sum is fixed
        totals.scatter_add_(1, labels[:, k : k + 1], counted[:, k : k + 1])
    totals = totals.gather(1, top)
    whole = torch.zeros_like(totals[:, :1])
    for rank in range(top.shape[1]):
        whole = whole + totals[:, rank : rank + 1]
    return totals / whole


def _with_the_rest(probs: Tensor, order: Tensor, scores: Tensor) -> Tensor:
    """Scores ``[Q, C]``: those of the topn classes, and all others below them."""
    topn = scores.shape[1]
    rest = probs.gather(1, order[:, topn:])
    lowest = scores.min(dim=1, keepdim=True).values
    place = torch.arange(1, rest.shape[1] + 1, dtype=scores.dtype, device=scores.device)
    below = lowest - place * lowest.abs().clamp(min=1.0)
    rest = torch.where((rest < lowest).all(dim=1, keepdim=True), rest, below)
    return torch.empty_like(probs).scatter_(1, order, torch.cat([scores, rest], dim=1))


def _similarities(sims: Any, probs: Tensor, columns: str) -> Tensor:
    sims = as_floats("sims", sims, probs.device)
    if sims.ndim != 2 or len(sims) != len(probs):
        needed = f"({len(probs)}, {columns}): a row for each of probs"
        raise ValueError(f"sims has shape {tuple(sims.shape)}, needs {needed}")
    if not sims.isfinite().all():
        raise ValueError("sims holds nan or infinity, needs finite numbers")
    return sims


def _check_labels(labels: Tensor, n_classes: int) -> None:
    if labels.numel() and not (labels.min() >= 0 and labels.max() < n_classes):
        low, high = int(labels.min()), int(labels.max())
        raise ValueError(
            f"labels runs from {low} to {high}, needs columns of probs: 0 to {n_classes - 1}"
        )


def _clip(name: str, value: Any, most: int) -> int:
    return min(max(as_whole(name, value, 0), 1), most)
