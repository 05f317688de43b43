"""What else could be done with the same answers: calibration, k-NN, and the mix of equation 8.

Re-ranking (section 3.3) mends unsure answers by looking at other images. Three rivals ask how much
of that is retrieval: temperature scaling looks at no other image and can't change an answer;
k-NN interpolation mixes the vote into every answer; equation 8 with alpha and beta both above zero
mixes it into the unsure ones. Whatever a method leaves open is chosen on held-out answers by one
rule: the highest accuracy, then the least negative log-likelihood, then the one that moves least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import T_SF_GRID, Settings, mean_top1
from fgnb.metrics import fit_temperature, negative_log_likelihood, temper

WEIGHTS = tuple(round(0.1 * i, 1) for i in range(11))
VOTE_TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EVERY_ANSWER = 1.01  # a T_sf that no probability reaches


class Method(Protocol):
    """A way to answer queries, with everything it needed to be told."""

    def probs(self, answers: Answers) -> np.ndarray:
        """Probabilities, float64 ``[Q, C]``; rows sum to 1."""

    def predictions(self, answers: Answers) -> np.ndarray:
        """Predicted classes ``[Q]``."""

    def settings(self) -> dict[str, Any]:
        """What it was set to, plain values by name."""


@dataclass(frozen=True)
class Softmax:
    """The classifier alone, its probabilities over a temperature (1 leaves them as they are)."""

    temperature: float = 1.0

    def probs(self, answers: Answers) -> np.ndarray:
        """Softmax of the logits over the temperature."""
        return temper(answers.probs, self.temperature)

    def predictions(self, answers: Answers) -> np.ndarray:
        """The most probable class: the same for every temperature."""
        return answers.probs.argmax(axis=1)

    def settings(self) -> dict[str, Any]:
        """The temperature."""
        return {"temperature": self.temperature}


@dataclass(frozen=True)
class Reranked:
    """Equations 8 and 9, over tempered probabilities where the temperature is not 1."""

    rule: Settings
    temperature: float = 1.0

    def probs(self, answers: Answers) -> np.ndarray:
        """Re-ranked scores as probabilities; see `reranked_probs`."""
        return reranked_probs(self._start(answers), answers.neighbors, self.rule)

    def predictions(self, answers: Answers) -> np.ndarray:
        """The class of the highest re-ranked score."""
        return self.rule.predictions(self._start(answers), answers.neighbors)

    def settings(self) -> dict[str, Any]:
        """The parameters of both equations, and the temperature."""
        return {**asdict(self.rule), "temperature": self.temperature}

    def _start(self, answers: Answers) -> np.ndarray:
        if self.temperature == 1.0:
            return answers.probs
        return temper(answers.probs, self.temperature)


@dataclass(frozen=True)
class Interpolated:
    """``(1 - weight) S_f + weight p_knn`` for every query, sure or not.

    The k-NN interpolation of language models (Khandelwal et al., ICLR 2020) over images.
    """

    weight: float
    temperature: float
    topm: int

    def probs(self, answers: Answers) -> np.ndarray:
        """The mixture."""
        votes = knn_probs(answers.neighbors, answers.probs.shape[1], self.temperature, self.topm)
        return (1.0 - self.weight) * temper(answers.probs, 1.0) + self.weight * votes

    def predictions(self, answers: Answers) -> np.ndarray:
        """The class of the highest mixture; ties go to the first class."""
        return self.probs(answers).argmax(axis=1)

    def settings(self) -> dict[str, Any]:
        """Weight, temperature of the vote, neighbours."""
        return {"weight": self.weight, "vote_temperature": self.temperature, "topm": self.topm}


AnyMethod = TypeVar("AnyMethod", bound=Method)


def knn_probs(
    neighbors: Neighbors, n_classes: int, temperature: float, topm: int = 50
) -> np.ndarray:
    """The vote of the ``topm`` nearest images, weighted by ``softmax(sim / temperature)``.

    Args:
        neighbors: similarities and classes ``[Q, K]``, best first; ``topm`` is clipped to [1, K].
        n_classes: C.
        temperature: of the weights; large makes all votes equal, small leaves the nearest alone.
        topm: neighbours that vote.

    Returns:
        float64 ``[Q, C]``, rows that sum to 1.

    Raises:
        ValueError: a number out of range.
    """
    if not (temperature > 0.0 and np.isfinite(temperature)):
        raise ValueError(f"temperature is {temperature}, needs a finite number above 0")
    if n_classes < 1 or (neighbors.labels.size and neighbors.labels.max() >= n_classes):
        raise ValueError(
            f"n_classes is {n_classes}, needs more than the highest class of a neighbour, "
            f"{neighbors.labels.max() if neighbors.labels.size else 0}"
        )
    count = min(max(int(topm), 1), neighbors.sims.shape[1])
    sims = neighbors.sims[:, :count].astype(np.float64)
    votes = np.exp((sims - sims[:, :1]) / temperature)
    votes /= votes.sum(axis=1, keepdims=True)
    probs = np.zeros((len(sims), n_classes))
    rows = np.repeat(np.arange(len(sims)), count)
    np.add.at(probs, (rows, neighbors.labels[:, :count].ravel()), votes.ravel())
    return probs


def reranked_probs(probs: np.ndarray, neighbors: Neighbors, rule: Settings) -> np.ndarray:
    """Re-ranked scores as probabilities: what the topn classes held together is shared anew.

    Equation 8 gives scores, not probabilities: a vote sums to 1 over the topn classes while the
    others keep theirs. Here the topn classes share, in proportion to their scores, the
    probability M that the softmax gave to them together; the others keep their own.
    An answer stays what it was: the first of the topn classes holds at least M / topn,
    and no class outside holds more.

    Args:
        probs: softmax probabilities ``[Q, C]``.
        neighbors: of the same queries.
        rule: of equations 8 and 9; T_sc, alpha and beta must not be negative.

    Returns:
        float64 ``[Q, C]``, rows that sum to 1. Where all topn scores are 0, the softmax stands.

    Raises:
        ValueError: a negative T_sc, alpha or beta, whose scores can't be shared out.
    """
    for name in ("t_sc", "alpha", "beta"):
        if getattr(rule, name) < 0:
            raise ValueError(f"{name} is {getattr(rule, name)}, needs at least 0 to be shared out")
    start = temper(probs, 1.0)
    scores = rule.scores(probs, neighbors)
    top = np.argsort(-probs, axis=1, kind="stable")[:, : max(rule.topn, 1)]
    own = np.take_along_axis(scores, top, axis=1)
    held = np.take_along_axis(start, top, axis=1)
    total = own.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shared = np.where(total > 0, own / total * held.sum(axis=1, keepdims=True), held)
    np.put_along_axis(start, top, shared, axis=1)
    return start


def fit_alternatives(held_out: Answers, rule: Settings) -> dict[str, Method]:
    """Every method of the comparison, with what it leaves open chosen on held-out answers.

    Args:
        held_out: answers of the classifier that has not seen these images.
        rule: the re-ranking setting in use, chosen on the same answers; its T_sc, topn, topm and
            gate serve the variants too.

    Returns:
        ``softmax``, ``tempered`` (temperature scaling), ``reranked`` (the paper's method),
        ``tempered-gate`` (temperature scaling first, T_sf by the rule without labels), ``mix``
        (equation 8 with alpha + beta = 1) and ``interpolated`` (k-NN interpolation).
    """
    temperature = fit_temperature(held_out.probs, held_out.labels)
    gate = mean_top1(temper(held_out.probs, temperature))
    return {
        "softmax": Softmax(),
        "tempered": Softmax(temperature),
        "reranked": Reranked(rule),
        "tempered-gate": Reranked(replace(rule, t_sf=gate), temperature),
        "mix": best_of(_mixes(rule, (*T_SF_GRID, EVERY_ANSWER)), held_out),
        "interpolated": best_of(_interpolations(rule.topm), held_out),
    }


def best_of(methods: Iterable[AnyMethod], held_out: Answers) -> AnyMethod:
    """The method of the highest accuracy; then of the least log loss; then the first.

    Raises:
        ValueError: no method was given.
    """
    found: list[AnyMethod] = []
    highest = -1.0
    for method in methods:
        accuracy = float((method.predictions(held_out) == held_out.labels).mean())
        if accuracy > highest:
            found, highest = [], accuracy
        if accuracy == highest:
            found.append(method)
    if not found:
        raise ValueError("methods is empty, needs at least one to choose from")
    losses = [negative_log_likelihood(m.probs(held_out), held_out.labels) for m in found]
    return found[int(np.argmin(losses))]


def _mixes(rule: Settings, thresholds: Sequence[float]) -> Iterable[Reranked]:
    """Equation 8 with alpha + beta = 1, from the softmax alone to the vote alone."""
    for t_sf in thresholds:
        for alpha in reversed(WEIGHTS):
            yield Reranked(replace(rule, t_sf=t_sf, alpha=alpha, beta=round(1.0 - alpha, 1)))


def _interpolations(topm: int) -> Iterable[Interpolated]:
    """Every weight with every temperature of the vote, small weights first."""
    for weight in WEIGHTS:
        for temperature in VOTE_TEMPERATURES:
            yield Interpolated(weight, temperature, topm)
