"""Retrieval and re-ranking of CUB's size, against what can't be had for less and against a loop.

5,794 queries, 5,994 database vectors of 2,048 numbers, 200 classes, topn 5, topm 50.

- `fgnb.ccfr.nearest` with `rerank_neighbors` (normalising, similarities, the nearest, the scores,
  all checks) against the bare matrix product and top-k of the same arrays.
- `fgnb.ccfr.rerank`, which starts from the similarities, against a loop over the queries that
  sorts, sums and divides with NumPy; and the same from neighbours that are known.

    python benchmarks/reranking.py [THREADS]
"""

from __future__ import annotations

import sys

import numpy as np
import timing
import torch
from threadpoolctl import threadpool_limits

from fgnb.ccfr import nearest, rerank, rerank_neighbors

QUERIES, DATABASE, WIDTH, CLASSES = 5794, 5994, 2048, 200
TOPN, TOPM, T_SF, T_SC = 5, 50, 0.5, 0.4
SETTINGS = {"topn": TOPN, "topm": TOPM, "t_sf": T_SF, "t_sc": T_SC}
REPETITIONS = 5


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Noisy class centres as features; probabilities that are often wrong and often unsure."""
    centres = rng.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    truth, labels = np.arange(QUERIES) % CLASSES, np.arange(DATABASE) % CLASSES
    queries = centres[truth] + rng.normal(size=(QUERIES, WIDTH)).astype(np.float32)
    database = centres[labels] + rng.normal(size=(DATABASE, WIDTH)).astype(np.float32)
    logits = rng.normal(size=(QUERIES, CLASSES))
    logits[np.arange(QUERIES), truth] += 3
    probs = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    return queries, database, labels, probs


def one_by_one(probs: np.ndarray, sims: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The classes that equations 8 and 9 choose, query by query from all similarities."""
    chosen = []
    for p, row in zip(probs, sims, strict=True):
        order = np.argsort(-row, kind="stable")[:TOPM]
        chosen.append(choose(p, row[order], labels[order]))
    return np.array(chosen)


def neighbours_one_by_one(probs: np.ndarray, sims: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The same from the nearest images, best first."""
    return np.array([choose(*parts) for parts in zip(probs, sims, labels, strict=True)])


def choose(probs: np.ndarray, sims: np.ndarray, labels: np.ndarray) -> int:
    top = np.argsort(-probs, kind="stable")[:TOPN]
    if probs[top[0]] >= T_SF:
        return int(top[0])
    counted = np.where(sims > T_SC, sims, 0).astype(np.float64)
    totals = np.array([counted[labels == column].sum() for column in top])
    return int(top[np.argmax(totals)]) if totals.sum() else int(top[0])


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    queries, database, labels, probs = vectors(np.random.default_rng(0))
    classes, scores = torch.from_numpy(labels), torch.from_numpy(probs)
    bare = torch.from_numpy(unit(queries)), torch.from_numpy(unit(database))
    sims = bare[0] @ bare[1].T
    near = nearest(queries, database, labels, TOPM)
    near_sims, near_labels = torch.from_numpy(near.sims), torch.from_numpy(near.labels)

    def whole() -> torch.Tensor:
        found = nearest(queries, database, labels, TOPM)
        known = torch.from_numpy(found.sims), torch.from_numpy(found.labels)
        return rerank_neighbors(scores, *known, **SETTINGS)

    after = rerank(scores, sims, classes, **SETTINGS).argmax(dim=1).numpy()
    loop = one_by_one(probs, sims.numpy(), labels)
    with threadpool_limits(threads):
        search = timing.interleaved(
            {
                "bare product and top-k": lambda: (bare[0] @ bare[1].T).topk(TOPM),
                "all of it": whole,
            },
            REPETITIONS,
        )
        step = timing.interleaved(
            {
                "similarities, loop": lambda: one_by_one(probs, sims.numpy(), labels),
                "similarities, rerank": lambda: rerank(scores, sims, classes, **SETTINGS),
                "neighbours, loop": lambda: neighbours_one_by_one(probs, near.sims, near.labels),
                "neighbours, rerank": lambda: rerank_neighbors(
                    scores, near_sims, near_labels, **SETTINGS
                ),
            },
            REPETITIONS,
        )
    seconds = search | step
    record = {
        "same_classes": bool(np.array_equal(after, loop)),
        "changed_by_re_ranking": int((after != probs.argmax(axis=1)).sum()),
        "rows": {name: timing.row(parts) for name, parts in seconds.items()},
        "all_over_bare": timing.ratio(seconds["all of it"], seconds["bare product and top-k"]),
        "loop_over_rerank": timing.ratio(
            seconds["similarities, loop"], seconds["similarities, rerank"]
        ),
        "loop_over_rerank_neighbors": timing.ratio(
            seconds["neighbours, loop"], seconds["neighbours, rerank"]
        ),
        "repetitions": REPETITIONS,
        "machine": timing.machine(),
    }
    timing.write(__file__, record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
